using System.ComponentModel;
using Marrow.Autograd;
using Marrow.Kernels;
using Marrow.Kernels.Quantizers;
using static TorchSharp.torch;

namespace Marrow.CompilerServices;

/// <summary>
/// The products of a quantized linear layer's backward in bfloat16. Levels are exact in it, only gradients are rounded:
/// <c>dx̂ = (dy ∘ ws) p</c>, <c>dŴ = (dy ∘ S)ᵀ q + db ⊗ after</c>. The error is about 3e-3 of the largest entry. Processors without
/// bfloat16 instructions, where libtorch would convert and take several times as long, compute in float32.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static class Bfloat16Backward
{
    /// <summary>The gradients.</summary>
    /// <param name="dy">[n, out].</param>
    /// <param name="x">q [n, in].</param>
    /// <param name="weight">p [out, in] and ws.</param>
    /// <param name="step">S.</param>
    /// <param name="after">The shift after, [in].</param>
    /// <returns>Gradients of x̂ [n, in], of Ŵ [out, in], and of the bias [out], in the type of dy.</returns>
    public static (Tensor Input, Tensor Weight, Tensor Bias) Products(
        Tensor dy, ActivationLevels x, WeightLevels weight, Tensor step, Tensor after)
    {
        using var scope = NewDisposeScope();
        if (dy.device_type != TorchSharp.DeviceType.CPU || InstructionSets.HasBfloat16)
        {
            return Moved(Rounded(dy, x, weight, step, after));
        }

        return Moved((weight.InputGradient(dy), x.WeightGradient(dy, step, after), BiasGradient.Of(dy)));

        (Tensor Input, Tensor Weight, Tensor Bias) Moved((Tensor, Tensor, Tensor) all) => scope.MoveToOuter(all.Item1, all.Item2, all.Item3);
    }

    /// <summary>The products in bfloat16, whatever the processor.</summary>
    internal static (Tensor Input, Tensor Weight, Tensor Bias) Rounded(
        Tensor dy, ActivationLevels x, WeightLevels weight, Tensor step, Tensor after)
    {
        var (byWeight, byStep, bias) = Scale(dy, weight.Scale, step);
        var p = weight.Stored.to(ScalarType.BFloat16);
        if (weight.IsHalved)
        {
            p.mul_(2).add_(1);
        }

        var q = x.Stored.to(ScalarType.BFloat16);
        if (x.Offset != 0)
        {
            q.add_(x.Offset);
        }

        var input = byWeight.mm(p).to(dy.dtype);
        var weightGradient = byStep.t().mm(q).to(dy.dtype).addr_(bias, after);
        return (input, weightGradient, bias);
    }

    /// <summary>dy ∘ ws and dy ∘ S in bfloat16, and Σ dy, in one pass.</summary>
    private static (Tensor ByWeight, Tensor ByStep, Tensor Bias) Scale(Tensor dy, Tensor weightScale, Tensor step)
    {
        if (dy.dtype != ScalarType.Float32 || dy.device_type != TorchSharp.DeviceType.CPU || weightScale.dtype != ScalarType.Float32)
        {
            var positions = (ActivationLevels.Positions(dy, step) * ActivationLevels.Floor(step)).view(dy.shape);
            return ((dy * weightScale).to(ScalarType.BFloat16), positions.to(ScalarType.BFloat16), dy.sum([0]));
        }

        return RoundGradientsKernel.Run(dy, weightScale, step);
    }
}
