using System.ComponentModel;
using System.Diagnostics;
using Marrow.Autograd;
using Marrow.Cuda;
using Marrow.Kernels;
using Marrow.Kernels.Quantizers;
using static TorchSharp.torch;

namespace Marrow.CompilerServices;

/// <summary>
/// The products of a quantized linear layer's backward in bfloat16. Levels are exact in it, only gradients are rounded:
/// <c>dx̂ = (dy ∘ ws) p</c>, <c>dŴ = (dy ∘ S)ᵀ q + db ⊗ after</c>. The error is about 3e-3 of the largest entry. On the
/// CPU it is used only where the processor has bfloat16 products and a measurement at first use finds them faster than
/// float32; elsewhere the products are those of float32. <c>MARROW_BFLOAT16=1</c> or <c>0</c> decides instead of the
/// measurement, for runs that must be repeated exactly.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static class Bfloat16Backward
{
    private const string Choice = "MARROW_BFLOAT16";

    private static readonly Lazy<bool> IsFaster = new(Measure);

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
        if (CudaKernels.IsDevice(dy) || IsFaster.Value)
        {
            return Moved(Rounded(dy, x, weight, step, after));
        }

        return Moved(Plain(dy, x, weight, step, after));

        (Tensor Input, Tensor Weight, Tensor Bias) Moved((Tensor, Tensor, Tensor) all) =>
            scope.MoveToOuter(all.Item1, all.Item2, all.Item3);
    }

    /// <summary>Whether <see cref="Products"/> uses bfloat16 on the CPU.</summary>
    internal static bool IsUsed => IsFaster.Value;

    private static (Tensor Input, Tensor Weight, Tensor Bias) Plain(
        Tensor dy, ActivationLevels x, WeightLevels weight, Tensor step, Tensor after) =>
        (weight.InputGradient(dy), x.WeightGradient(dy, step, after), BiasGradient.Of(dy));

    /// <summary>
    /// Both ways side by side on a layer of 192 to 768 features; the best of a few runs, because other programs may run
    /// too.
    /// </summary>
    private static bool Measure()
    {
        if (Environment.GetEnvironmentVariable(Choice) is "0" or "1")
        {
            return Environment.GetEnvironmentVariable(Choice) == "1";
        }

        if (!InstructionSets.HasBfloat16)
        {
            return false;
        }

        using var scope = NewDisposeScope();
        var (dy, step, after) = (full([394, 768], 0.5f), ones(1), zeros(192));
        var x = new ActivationLevels(ones([394, 192], dtype: ScalarType.Int8), Offset: 0);
        var weight = new WeightLevels(ones([768, 192], dtype: ScalarType.Int8), ones(768), IsHalved: false);
        var (rounded, plain) = (TimeSpan.MaxValue, TimeSpan.MaxValue);
        for (var run = 0; run < 8; run++)
        {
            rounded = Faster(rounded, () => Rounded(dy, x, weight, step, after));
            plain = Faster(plain, () => Plain(dy, x, weight, step, after));
        }

        return rounded < plain;

        static TimeSpan Faster(TimeSpan best, Action products)
        {
            using var inner = NewDisposeScope();
            var start = Stopwatch.GetTimestamp();
            products();
            var time = Stopwatch.GetElapsedTime(start);
            return time < best ? time : best;
        }
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

        return (Multiply(byWeight, p), Multiply(byStep.t(), q).addr_(bias, after), bias);

        Tensor Multiply(Tensor a, Tensor b) =>
            dy.dtype == ScalarType.Float32 && CudaKernels.DriverOf(dy) is { } driver
                ? driver.Multiply(a, b)
                : a.mm(b).to(dy.dtype);
    }

    /// <summary>dy ∘ ws and dy ∘ S in bfloat16, and Σ dy, in one pass.</summary>
    private static (Tensor ByWeight, Tensor ByStep, Tensor Bias) Scale(Tensor dy, Tensor weightScale, Tensor step)
    {
        if (CudaLevels.For(dy, dy.dtype) is { } kernels)
        {
            var (byWeight, byStep) = CudaLevels.Rounded(kernels, dy, weightScale, step);
            return (byWeight, byStep, dy.sum([0]));
        }

        if (dy.dtype != ScalarType.Float32 || dy.device_type != TorchSharp.DeviceType.CPU
            || weightScale.dtype != ScalarType.Float32)
        {
            var positions = (ActivationLevels.Positions(dy, step) * ActivationLevels.Floor(step)).view(dy.shape);
            return ((dy * weightScale).to(ScalarType.BFloat16), positions.to(ScalarType.BFloat16), dy.sum([0]));
        }

        return RoundGradientsKernel.Run(dy, weightScale, step);
    }
}
