using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Marrow.Kernels.Memory;
using Marrow.Kernels.Threading;
using Marrow.Kernels.Vectors;
using static TorchSharp.torch;

namespace Marrow.Kernels.Quantizers;

/// <summary>A float32 matrix computed from codes on the fly.</summary>
internal interface IFloatRows
{
    /// <summary>Eight adjacent entries.</summary>
    Vector256<float> At(int row, int column);

    /// <summary>One entry.</summary>
    float One(int row, int column);
}

/// <summary>Codes to float32.</summary>
internal unsafe struct DequantizeKernel<TRows> : IRangeKernel
    where TRows : struct, IFloatRows
{
    public TRows Rows;
    public int Columns;
    public float* Values;

    /// <summary>The whole matrix.</summary>
    public static Tensor Run(TRows rows, Tensor codes)
    {
        var values = empty(codes.shape, dtype: ScalarType.Float32);
        var kernel = new DequantizeKernel<TRows>
        {
            Rows = rows,
            Columns = (int)codes.size(1),
            Values = values.Floats(),
        };
        ThreadTeam.Run(ref kernel, (int)codes.size(0), codes.numel());
        return values;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run(int first, int end, int part)
    {
        var rows = Rows;
        for (var row = first; row < end; row++)
        {
            var target = Values + ((long)row * Columns);
            var column = 0;
            for (; column <= Columns - Lanes.Count; column += Lanes.Count)
            {
                rows.At(row, column).Store(target + column);
            }

            for (; column < Columns; column++)
            {
                target[column] = rows.One(row, column);
            }
        }
    }
}

/// <summary>Weights: <c>ŵ = ws p</c>, or <c>ws (2u + 1)</c> for halved codes.</summary>
internal readonly unsafe struct WeightRows(Tensor codes, Tensor scale, bool halved) : IFloatRows
{
    private readonly bool isHalved = halved;
    private readonly sbyte* stored = codes.SignedBytes();
    private readonly float* scales = scale.Floats();
    private readonly long columns = codes.size(1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector256<float> At(int row, int column)
    {
        var p = Lanes.Load(stored + (row * columns) + column);
        return (isHalved ? p + p + Vector256<float>.One : p) * scales[row];
    }

    public float One(int row, int column)
    {
        float p = stored[(row * columns) + column];
        return (isHalved ? (2 * p) + 1 : p) * scales[row];
    }
}

/// <summary>Activations: <c>x̂ = S (q + zero) + after</c>.</summary>
internal readonly unsafe struct ActivationRows(Tensor codes, int zero, Tensor step, Tensor? after) : IFloatRows
{
    private readonly int steps = (int)step.numel();
    private readonly float offset = zero;
    private readonly sbyte* stored = codes.SignedBytes();
    private readonly float* step = step.Floats(), after = after is null ? null : after.Floats();
    private readonly long columns = codes.size(1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector256<float> At(int row, int column)
    {
        var value = (Lanes.Load(stored + (row * columns) + column) + Vector256.Create(offset)) * StepOf(row);
        return after == null ? value : value + Vector256.Load(after + column);
    }

    public float One(int row, int column) =>
        ((stored[(row * columns) + column] + offset) * StepOf(row)) + (after == null ? 0 : after[column]);

    private float StepOf(int row) => LsqKernels.Usable(step[row % steps]);
}
