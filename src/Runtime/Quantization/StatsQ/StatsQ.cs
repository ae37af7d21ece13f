using System.ComponentModel;
using Marrow.Autograd;
using Marrow.Cuda;
using Marrow.Kernels.Memory;
using Marrow.Kernels.Quantizers;
using static TorchSharp.torch;

namespace Marrow.CompilerServices;

/// <summary>
/// Statistical weight quantization (StatsQ, arXiv 2302.02210): with n = 2^(bits−1), <c>scale = 2 mean|w|</c>, <c>u =
/// round(clip(w / scale, −1, 1 − 1e-6) n − 0.5)</c>, <c>ŵ = scale (u + 0.5) / n</c>. The levels are odd multiples of
/// scale / 2n, zero is none of them; there is no scale to learn that could oscillate. The mean runs over the last
/// dimension of [out, in], over batch and last of [B, N, C], and over all but N of [B, H, N, d]. A row of zeros stays
/// zero.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static partial class StatsQ
{
    /// <summary>The upper end of the clip, just below the level that does not exist.</summary>
    internal const double HighestRatio = StatsQKernels.HighestRatio;

    /// <summary>The codes p of a weight, and their scales.</summary>
    /// <param name="weight">[out, in].</param>
    /// <param name="bits">2 to 8.</param>
    public static WeightLevels Codes(Tensor weight, int bits)
    {
        var stored = empty(weight.shape, dtype: ScalarType.Int8, device: weight.device);
        var span = bits == 8
            ? new IntegerRange(sbyte.MinValue, Spacing: 1, byte.MaxValue)
            : new IntegerRange(1 - (1 << bits), Spacing: 2, (1 << bits) - 1);
        if (CudaStatsQ.For(weight) is { } kernels)
        {
            var worth = empty(weight.size(0), dtype: ScalarType.Float32, device: weight.device);
            CudaStatsQ.Levels(kernels, weight, bits, stored, worth);
            return new(stored, worth, bits == 8) { Span = span };
        }

        if (StatsQKernels.Supports(weight))
        {
            var scales = empty(weight.size(0), dtype: ScalarType.Float32);
            StatsQKernels.Levels(weight, bits, stored, scales);
            return new(stored, scales, bits == 8) { Span = span };
        }

        using var scope = NewDisposeScope();
        var (u, scale, _) = Levels(weight, bits);
        stored.copy_(bits < 8 ? u.mul_(2).add_(1) : u);
        return new(stored, (scale / (1 << bits)).MoveToOuterDisposeScope(), bits == 8) { Span = span };
    }

    /// <summary>ŵ, differentiable: the gradient passes straight through, clipped entries too.</summary>
    /// <param name="w">[out, in], [B, N, C] or [B, H, N, d]; float32 on the CPU takes one pass.</param>
    /// <param name="bits">2 to 8.</param>
    internal static Tensor Quantize(Tensor w, int bits) =>
        EagerMode.IsOn ? Plain(w, bits) : OperationFunction.Run(new StatsQOperation(bits), w);

    /// <summary>The same by ordinary differentiable operations.</summary>
    internal static Tensor Plain(Tensor w, int bits)
    {
        using var scope = NewDisposeScope();
        return scope.MoveToOuter(StraightThrough.To(Levels(w.detach(), bits).Values, w));
    }

    /// <summary>ŵ into an existing tensor; no gradient.</summary>
    /// <param name="w">The weight, contiguous.</param>
    /// <param name="bits">2 to 8.</param>
    /// <param name="target">As w.</param>
    internal static void Quantize(Tensor w, int bits, Tensor target)
    {
        if (CudaStatsQ.For(w) is { } kernels && target.dtype == w.dtype && target.is_contiguous())
        {
            CudaStatsQ.Quantize(kernels, ScaleGranularity.Position.LayoutOf(w), w, bits, target);
            return;
        }

        if (StatsQKernels.Supports(w) && StatsQKernels.Supports(target))
        {
            StatsQKernels.Quantize(ScaleGranularity.Position.LayoutOf(w), w, bits, target);
            return;
        }

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        target.copy_(Levels(w, bits).Values);
    }

    /// <summary>The scales, one per row: [out], or [N]; those of 16-bit weights in float32.</summary>
    internal static Tensor Scale(Tensor w)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var layout = ScaleGranularity.Position.LayoutOf(w);
        return scope.MoveToOuter(layout.Gather(layout.Grouped(Exact(w).abs())).mul_(2.0 / layout.Count));
    }

    /// <summary>
    /// The position of each weight on the grid of levels, <c>t = clip(w / scale, −1, 1 − 1e-6) n − 0.5</c>; its level
    /// is round(t), and the rounding boundaries lie at whole numbers and a half.
    /// </summary>
    internal static Tensor GridPosition(Tensor w, int bits)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var layout = ScaleGranularity.Position.LayoutOf(w);
        var scale = layout.Spread(Scale(w));
        return scope.MoveToOuter((layout.Grouped(Exact(w)) / scale).nan_to_num(0).clamp_(-1, HighestRatio)
            .mul_(1 << (bits - 1)).sub_(0.5).view(w.shape));
    }

    /// <summary>Levels u, scales and values by torch's operations.</summary>
    internal static (Tensor U, Tensor Scale, Tensor Values) Levels(Tensor w, int bits)
    {
        var layout = ScaleGranularity.Position.LayoutOf(w);
        var scale = Scale(w);
        var u = GridPosition(w, bits).round_();
        var values = layout.Spread(scale) * (layout.Grouped(u) + 0.5) / (1 << (bits - 1));
        return (u, scale, values.view(w.shape).to(w.dtype));
    }

    /// <summary>In 16 bits the end of the clip would be 1, a level that does not exist; so 32 take part.</summary>
    private static Tensor Exact(Tensor w) =>
        w.dtype is ScalarType.BFloat16 or ScalarType.Float16 ? w.detach().to(ScalarType.Float32) : w.detach();

    private sealed class StatsQOperation(int bits) : Operation
    {
        public override string Name => "a StatsQ quantizer";

        public override Tensor Forward(Saved saved, IReadOnlyList<Tensor?> inputs)
        {
            var w = inputs[0]!.contiguous();
            var values = empty_like(w);
            Quantize(w, bits, values);
            return values;
        }

        public override IReadOnlyList<Tensor?> Backward(Saved saved, Tensor dy) => [dy.alias()];
    }
}
