using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Marrow.Kernels.Threading;
using Marrow.Kernels.Vectors;

namespace Marrow.Kernels.Attention;

/// <summary>
/// Attention of one query over cached keys and values: each head reads its keys and values once, in memory order.
/// </summary>
internal unsafe struct TokenAttentionKernel : IRangeKernel
{
    /// <summary>Channels accumulated in registers.</summary>
    public const int Block = 4 * Lanes.Count;

    public float* Query, Keys, Values, Output;
    public int Shared, Length, Head;
    public long Stride;
    public float Scale;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run(int first, int end, int part)
    {
        var scores = (float*)NativeMemory.Alloc((nuint)(Length + Lanes.Count) * sizeof(float));
        try
        {
            for (var index = first; index < end; index++)
            {
                Score(Query + (index * Head), Keys + (index / Shared * Stride), scores);
                var sum = Exponentials(scores);
                Mix(scores, sum, Values + (index / Shared * Stride), Output + (index * Head));
            }
        }
        finally
        {
            NativeMemory.Free(scores);
        }
    }

    /// <summary>Scores <c>q · k_t / sqrt(d)</c> of all tokens.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Score(float* query, float* keys, float* scores)
    {
        for (var t = 0; t < Length; t++, keys += Head)
        {
            var dot = Vector256<float>.Zero;
            for (var c = 0; c < Head; c += Lanes.Count)
            {
                dot = Vector256.FusedMultiplyAdd(Vector256.Load(query + c), Vector256.Load(keys + c), dot);
            }

            scores[t] = Vector256.Sum(dot) * Scale;
        }
    }

    /// <summary>Replaces scores by <c>exp(score − max)</c> and returns their sum.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly float Exponentials(float* scores)
    {
        var largest = float.NegativeInfinity;
        for (var t = 0; t < Length; t++)
        {
            largest = MathF.Max(largest, scores[t]);
        }

        // The padding of the last vector contributes zero.
        for (var t = Length; t < Length + Lanes.Count; t++)
        {
            scores[t] = float.NegativeInfinity;
        }

        var sum = Vector256<float>.Zero;
        for (var t = 0; t < Length; t += Lanes.Count)
        {
            var part = Vector256.Exp(Vector256.Load(scores + t) - Vector256.Create(largest));
            part.Store(scores + t);
            sum += part;
        }

        return Vector256.Sum(sum);
    }

    /// <summary>The weighted mean of the values.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Mix(float* scores, float sum, float* values, float* output)
    {
        for (var c = 0; c < Head; c += Block)
        {
            var (a, b, d, e) = (Vector256<float>.Zero, Vector256<float>.Zero, Vector256<float>.Zero,
                Vector256<float>.Zero);
            var value = values + c;
            for (var t = 0; t < Length; t++, value += Head)
            {
                var weight = Vector256.Create(scores[t]);
                a = Vector256.FusedMultiplyAdd(weight, Vector256.Load(value), a);
                b = Vector256.FusedMultiplyAdd(weight, Vector256.Load(value + Lanes.Count), b);
                d = Vector256.FusedMultiplyAdd(weight, Vector256.Load(value + (2 * Lanes.Count)), d);
                e = Vector256.FusedMultiplyAdd(weight, Vector256.Load(value + (3 * Lanes.Count)), e);
            }

            (a / sum).Store(output + c);
            (b / sum).Store(output + c + Lanes.Count);
            (d / sum).Store(output + c + (2 * Lanes.Count));
            (e / sum).Store(output + c + (3 * Lanes.Count));
        }
    }
}
