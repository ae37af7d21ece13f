using Marrow.Kernels.IntegerGemm;
using Marrow.Kernels.Quantizers;
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
    internal IntegerRange? Span { get; init; }

    /// <summary>The levels that <see cref="StatsQ"/> gives a weight.</summary>
    /// <param name="weight">[out, in].</param>
    /// <param name="bits">2 to 8.</param>
    public static WeightLevels StatsQ(Tensor weight, int bits)
    {
        var stored = empty(weight.shape, dtype: ScalarType.Int8, device: weight.device);
        var span = bits == 8 ? new IntegerRange(sbyte.MinValue, Spacing: 1, byte.MaxValue) : new IntegerRange(1 - (1 << bits), Spacing: 2, (1 << bits) - 1);
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
    public Tensor Dequantize()
    {
        if (Stored.device_type == TorchSharp.DeviceType.CPU && Scale.dtype == ScalarType.Float32)
        {
            return DequantizeKernel<WeightRows>.Run(new(Stored, Scale, IsHalved), Stored);
        }

        using var scope = NewDisposeScope();
        return scope.MoveToOuter(Levels() * Scale.unsqueeze(1));
    }

    /// <summary><c>dx̂ = dy Ŵ</c>.</summary>
    /// <param name="dy">[n, out].</param>
    /// <returns>[n, in], in the type of the scale.</returns>
    public Tensor InputGradient(Tensor dy)
    {
        using var scope = NewDisposeScope();
        return scope.MoveToOuter(dy.mm(Dequantize()));
    }

    /// <summary>p as numbers of the scale's type.</summary>
    internal Tensor Levels()
    {
        var levels = Stored.to(Scale.dtype);
        return IsHalved ? levels.mul_(2).add_(1) : levels;
    }
}
