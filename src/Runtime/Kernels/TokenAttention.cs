using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using static TorchSharp.torch;

namespace Marrow.Kernels;

/// <summary>
/// Attention of one token over those in a cache, <c>softmax(q Kᵀ / sqrt(d)) V</c>: each head reads its keys and values once, in
/// the order in which they lie. What is general pays off only for many queries.
/// </summary>
public static class TokenAttention
{
    /// <summary>The output, [batch, query heads, head].</summary>
    /// <param name="query">[batch, query heads, head]; each key head serves as many query heads in a row.</param>
    /// <param name="keys">[batch, key heads, capacity, head], of which <paramref name="length"/> tokens count.</param>
    /// <param name="values">Likewise.</param>
    /// <param name="length">Tokens in the cache.</param>
    public static unsafe Tensor Run(Tensor query, Tensor keys, Tensor values, long length)
    {
        var (batch, heads, head) = (query.size(0), query.size(1), query.size(2));
        var shared = heads / keys.size(1);
        using var scope = NewDisposeScope();
        if (query.dtype != ScalarType.Float32 || query.device_type != TorchSharp.DeviceType.CPU || head % Kernel.Block != 0)
        {
            var grouped = query.view(batch, keys.size(1), shared, head);
            return scope.MoveToOuter(nn.functional.scaled_dot_product_attention(grouped, keys.narrow(2, 0, length), values.narrow(2, 0, length)).reshape(query.shape));
        }

        var contiguous = query.contiguous();
        var output = empty_like(contiguous);
        var kernel = new Kernel
        {
            Query = contiguous.Floats(),
            Keys = keys.Floats(),
            Values = values.Floats(),
            Output = output.Floats(),
            Shared = (int)shared,
            Length = (int)length,
            Stride = keys.size(2) * head,
            Head = (int)head,
            Scale = (float)(1 / Math.Sqrt(head)),
        };
        ThreadTeam.Run(ref kernel, (int)(batch * heads), batch * heads * length * head);
        return scope.MoveToOuter(output);
    }

    private unsafe struct Kernel : IRangeKernel
    {
        /// <summary>Channels whose sums stay in registers.</summary>
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

        /// <summary><c>q · k_t / sqrt(d)</c> of every token.</summary>
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

        /// <summary>Replaces scores by their exponentials, the largest score taken off first; their sum.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly float Exponentials(float* scores)
        {
            var largest = float.NegativeInfinity;
            for (var t = 0; t < Length; t++)
            {
                largest = MathF.Max(largest, scores[t]);
            }

            // What pads the last vector counts as nothing.
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

        /// <summary>The mean of the values, weighted by the scores.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Mix(float* scores, float sum, float* values, float* output)
        {
            for (var c = 0; c < Head; c += Block)
            {
                var (a, b, d, e) = (Vector256<float>.Zero, Vector256<float>.Zero, Vector256<float>.Zero, Vector256<float>.Zero);
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
}
