using System.ComponentModel;
using Marrow.Cuda;
using Marrow.Kernels.Memory;
using Marrow.Kernels.Quantizers;
using static TorchSharp.torch;

namespace Marrow.CompilerServices;

/// <summary>
/// A weight [out, in] as integer levels in 8 bits and one scale per row: <c>ŵ = scale · p</c>. StatsQ's half levels
/// make p odd, p = 2u + 1; with 8 bits p would not fit, so u is stored (<see cref="IsHalved"/>).
/// </summary>
/// <param name="Stored">int8 [out, in].</param>
/// <param name="Scale">[out]: what one p is worth.</param>
/// <param name="IsHalved">Whether u is stored and p = 2u + 1.</param>
[EditorBrowsable(EditorBrowsableState.Never)]
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

    /// <summary>Two weights as one, the second below the first.</summary>
    internal static WeightLevels Stacked(WeightLevels above, WeightLevels below) =>
        new(cat([above.Stored, below.Stored], 0), cat([above.Scale, below.Scale], 0), above.IsHalved)
        {
            Span = above.Span == below.Span ? above.Span : null,
        };

    /// <summary>ŵ, [out, in].</summary>
    /// <param name="type">Of the result; that of the scale if null.</param>
    public Tensor Dequantize(ScalarType? type = null)
    {
        var wanted = type ?? Scale.dtype;
        if (CudaLevels.For(Stored, wanted) is { } kernels)
        {
            return CudaLevels.Weight(kernels, Stored, IsHalved, Scale, wanted);
        }

        if (Stored.device_type == TorchSharp.DeviceType.CPU && Scale.dtype == ScalarType.Float32
            && wanted == ScalarType.Float32)
        {
            return DequantizeKernel<WeightRows>.Run(new(Stored, Scale, IsHalved), Stored);
        }

        using var scope = NewDisposeScope();
        return scope.MoveToOuter((Levels() * Scale.unsqueeze(1)).to(wanted));
    }

    /// <summary><c>dx̂ = dy Ŵ</c>.</summary>
    /// <param name="dy">[n, out].</param>
    /// <returns>[n, in], in the type of dy.</returns>
    public Tensor InputGradient(Tensor dy)
    {
        using var scope = NewDisposeScope();
        return scope.MoveToOuter(dy.mm(Dequantize(dy.dtype)));
    }

    /// <summary>p as numbers of the scale's type.</summary>
    internal Tensor Levels()
    {
        var levels = Stored.to(Scale.dtype);
        return IsHalved ? levels.mul_(2).add_(1) : levels;
    }
}
