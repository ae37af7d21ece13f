using System.ComponentModel;
using Marrow.Cuda;
using Marrow.Kernels.IntegerGemm;
using Marrow.Kernels.PackedGemv;
using static TorchSharp.torch;

namespace Marrow.CompilerServices;

/// <summary>c_o, and Σ_k of each row's stored levels where activations are stored with an offset.</summary>
internal sealed record WeightSums(Tensor Offsets, Tensor? Levels) : IDisposable
{
    /// <summary>Out of every dispose scope.</summary>
    public WeightSums Detached()
    {
        Offsets.DetachFromDisposeScope();
        Levels?.DetachFromDisposeScope();
        return this;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Offsets.Dispose();
        Levels?.Dispose();
    }
}

/// <summary>
/// The product of quantized activations and weights. Both are small integers times scales, so it is an exact product of
/// integers and one pass that scales it. On a device without a product for the sizes it is one of x̂ and Ŵ.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static class IntegerProduct
{
    /// <summary>
    /// <c>y = x̂ Ŵᵀ + bias</c> with x̂ = S q + after and Ŵ = ws p:
    /// <c>y[t,o] = S_t ws_o (q pᵀ)[t,o] + c_o</c>, <c>c_o = bias_o + ws_o Σ_k after_k p[o,k]</c>.
    /// With stored q − z and halved p = 2u + 1, <c>q pᵀ = 2 (stored uᵀ + z Σu) + Σ_k stored + z K</c>.
    /// </summary>
    /// <param name="x">q [n, in].</param>
    /// <param name="weight">p [out, in] and ws.</param>
    /// <param name="step">S, [N] with N a divisor of n, or [1].</param>
    /// <param name="after">[in], or null.</param>
    /// <param name="bias">[out], or null.</param>
    /// <returns>y [n, out], in the type of the steps.</returns>
    public static Tensor Linear(ActivationLevels x, WeightLevels weight, Tensor step, Tensor? after, Tensor? bias)
    {
        if (x.RowSteps is { } rowSteps && CudaLevels.For(x.Stored, step.dtype) is { } kernels
            && CudaLevels.Linear(
                kernels, x.Stored, x.Span, x.Offset, rowSteps, weight.Stored, weight.Span, weight.IsHalved,
                weight.Scale, after, bias, step.dtype) is { } product)
        {
            return product;
        }

        if (CudaKernels.IsDevice(x.Stored) || step.dtype != ScalarType.Float32)
        {
            using var scope = NewDisposeScope();
            return scope.MoveToOuter(
                nn.functional.linear(x.Dequantize(step, after), weight.Dequantize(step.dtype), bias));
        }

        using var sums = Sums(weight, after, bias, x.Offset != 0);
        using var storedSums = weight.IsHalved ? x.Stored.sum([1], type: ScalarType.Int32) : null;
        var y = empty([x.Stored.size(0), weight.Stored.size(0)], dtype: ScalarType.Float32);
        var scaled = new DequantizeEpilogue(
            x.Stored, x.Offset, step, weight.Scale, storedSums, sums.Offsets, sums.Levels, y);
        Int8Product.Multiply(x.Stored, x.Span, weight.Stored, weight.Span, ref scaled);
        GC.KeepAlive(step);
        GC.KeepAlive(weight.Scale);
        return y;
    }

    /// <summary>The same for a packed weight and few rows, whose levels are unpacked on the way.</summary>
    /// <param name="x">q [n, in].</param>
    /// <param name="weight">The weight; <see cref="PackedKernels.SupportsIntegers"/>.</param>
    /// <param name="step">S.</param>
    /// <param name="sums">Of this weight, with <c>after</c> and bias.</param>
    internal static Tensor Linear(ActivationLevels x, PackedWeight weight, Tensor step, WeightSums sums)
    {
        var y = empty([x.Stored.size(0), weight.Scale.size(0)], dtype: ScalarType.Float32);
        using var product = PackedKernels.Multiply(x.Stored, weight.Codes);
        var scaled = new DequantizeEpilogue(
            x.Stored, x.Offset, step, weight.Scale, storedSums: null, sums.Offsets, sums.Levels, y);
        Int8Product.Finish(product, first: 0, ref scaled);
        return y;
    }

    /// <summary>What of the product depends on the weight alone.</summary>
    internal static WeightSums Sums(WeightLevels weight, Tensor? after, Tensor? bias, bool hasOffset) =>
        new(WeightOffsetKernel.Run(weight.Stored, weight.Scale, weight.IsHalved, after, bias), hasOffset
            ? weight.Stored.sum([1], type: ScalarType.Int32) : null);
}
