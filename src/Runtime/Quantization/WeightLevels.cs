using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Marrow.Autograd;
using Marrow.Kernels;
using static TorchSharp.torch;

namespace Marrow.Quantization;

/// <summary>
/// A weight [out, in] as integer levels in 8 bits and one scale per row: <c>ŵ = scale · p</c>. StatsQ's half levels make p
/// odd, p = 2u + 1; with 8 bits p would not fit, so u is stored (<see cref="IsHalved"/>).
/// </summary>
/// <param name="Stored">int8 [out, in].</param>
/// <param name="Scale">[out]: what one p is worth.</param>
/// <param name="IsHalved">Whether u is stored and p = 2u + 1.</param>
public readonly record struct WeightLevels(Tensor Stored, Tensor Scale, bool IsHalved)
{
    /// <summary>int8 [out, in]; not to be changed in place.</summary>
    public Tensor Stored
    {
        get;
        init => (field, Span) = (value, null);
    } = Stored;

    /// <summary>What <see cref="Stored"/> can hold, where that is known.</summary>
    internal LevelSpan? Span { get; init; }

    /// <summary>The levels that <see cref="StatsQ"/> gives a weight.</summary>
    /// <param name="weight">[out, in].</param>
    /// <param name="bits">2 to 8.</param>
    public static WeightLevels StatsQ(Tensor weight, int bits)
    {
        var stored = empty(weight.shape, dtype: ScalarType.Int8, device: weight.device);
        var span = bits == 8 ? new LevelSpan(sbyte.MinValue, Spacing: 1, byte.MaxValue) : new LevelSpan(1 - (1 << bits), Spacing: 2, (1 << bits) - 1);
        if (StatsQKernels.Suit(weight))
        {
            var scales = empty(weight.size(0), dtype: ScalarType.Float32);
            StatsQKernels.Levels(weight, bits, stored, scales);
            return new(stored, scales, bits == 8) { Span = span };
        }

        using var scope = NewDisposeScope();
        var (u, scale, _) = Quantization.StatsQ.Levels(weight, bits);
        stored.copy_(bits < 8 ? u.mul_(2).add_(1) : u);
        return new(stored, (scale / (1 << bits)).MoveToOuterDisposeScope(), bits == 8) { Span = span };
    }

    /// <summary>The levels that <see cref="Lsq"/> gives a weight, with one step per row.</summary>
    /// <param name="weight">[out, in].</param>
    /// <param name="step">[out].</param>
    /// <param name="range">Signed levels.</param>
    public static WeightLevels Lsq(Tensor weight, Tensor step, LevelRange range)
    {
        var levels = ActivationLevels.Of(weight, step, before: null, range);
        return new(levels.Stored, step.clamp_min(Quantization.Lsq.LeastStep), false) { Span = levels.Span };
    }

    /// <summary>Two weights as one, the second below the first.</summary>
    internal static WeightLevels Stacked(WeightLevels above, WeightLevels below) =>
        new(cat([above.Stored, below.Stored], 0), cat([above.Scale, below.Scale], 0), above.IsHalved) { Span = above.Span == below.Span ? above.Span : null };

    /// <summary>ŵ, [out, in], in the type of the scale.</summary>
    public unsafe Tensor Dequantize()
    {
        if (Stored.device_type == TorchSharp.DeviceType.CPU && Scale.dtype == ScalarType.Float32)
        {
            var values = empty(Stored.shape, dtype: ScalarType.Float32);
            var kernel = new RowsKernel<Row> { Rows = new(this), Columns = (int)Stored.size(1), Values = values.Floats() };
            ThreadTeam.Run(ref kernel, (int)Stored.size(0), Stored.numel());
            return values;
        }

        using var scope = NewDisposeScope();
        return scope.MoveToOuter(Levels() * Scale.unsqueeze(1));
    }

    /// <summary><c>dx̂ = dy Ŵ</c>.</summary>
    /// <param name="dy">[n, out].</param>
    /// <returns>[n, in], in the type of the scale.</returns>
    public Tensor InputGradient(Tensor dy)
    {
        if (MatrixProduct.Suits(dy, Stored.size(1)) && Scale.dtype == ScalarType.Float32)
        {
            var input = MatrixProduct.Of(dy, new RowsOperand<Row>(new(this)), Stored.size(0), Stored.size(1));
            MatrixProduct.Keep(Stored, Scale);
            return input;
        }

        using var scope = NewDisposeScope();
        return scope.MoveToOuter(dy.mm(Dequantize()));
    }

    /// <summary>p as numbers of the scale's type.</summary>
    internal Tensor Levels()
    {
        var levels = Stored.to(Scale.dtype);
        return IsHalved ? levels.mul_(2).add_(1) : levels;
    }

    /// <summary>ŵ, row by row.</summary>
    private readonly unsafe struct Row(WeightLevels levels) : IFloatRows
    {
        private readonly bool isHalved = levels.IsHalved;
        private readonly sbyte* stored = levels.Stored.SignedBytes();
        private readonly float* scales = levels.Scale.Floats();
        private readonly long columns = levels.Stored.size(1);

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
}
