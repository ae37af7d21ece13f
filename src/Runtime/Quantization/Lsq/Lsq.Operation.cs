using Marrow.Autograd;
using Marrow.Cuda;
using Marrow.Kernels.Quantizers;
using static TorchSharp.torch;

namespace Marrow.CompilerServices;

public static partial class Lsq
{
    /// <summary>
    /// <see cref="Lsq.Quantize"/> as an operation: by kernels where they apply, else by torch's operations.
    /// </summary>
    private sealed class QuantizeOperation(LevelRange range, ScaleLayout layout) : Operation
    {
        private long afterSize;

        public override string Name => "an LSQ quantizer";

        public override Tensor Forward(Saved saved, IReadOnlyList<Tensor?> inputs)
        {
            var (x, step, before, after) = (inputs[0]!, inputs[1]!, inputs[2], inputs[3]);
            saved.Keep(x, step, before);
            afterSize = after?.numel() ?? 0;
            if (Cuda(x, step, before, after) is { } kernels)
            {
                return CudaLsq.Quantize(kernels, layout, range.Codes, x, step, before, after);
            }

            if (!range.IsSign && LsqKernels.Supports(x, step))
            {
                return LsqKernels.Quantize(layout, range.Codes, x, step, before, after);
            }

            var shifted = before is null ? x : Lsq.Shift(layout, x, before);
            var s = layout.Spread(step.clamp_min(Lsq.LeastStep));
            var ratio = layout.Grouped(shifted) / s;
            var quantized = (range.IsSign ? ratio.sign() : ratio.clamp(range.Low, range.High).round_()).mul_(s).view(
                x.shape);
            return after is null ? quantized : Lsq.Shift(layout, quantized, after);
        }

        public override IReadOnlyList<Tensor?> Backward(Saved saved, Tensor dy)
        {
            var gradients = Gradients(layout, range, dy, saved[0], saved[1], saved.Optional(2), afterSize);
            return [gradients.Input, gradients.Step, gradients.Before, gradients.After];
        }

        public static StepGradients Gradients(
            ScaleLayout layout, LevelRange range, Tensor dy, Tensor x, Tensor step, Tensor? before, long afterSize)
        {
            var scale = 1 / Math.Sqrt((double)range.High * layout.Count);
            var kernels = Cuda(x, step, before, dy);
            if (kernels is null && !range.IsSign && LsqKernels.Supports(x, step) && dy.dtype == x.dtype)
            {
                var (ofInput, ofStep, ofBefore, ofAfter) =
                    LsqKernels.Gradients(layout, range.Codes, scale, dy, x, step, before, afterSize);
                return new(ofInput, ofStep, ofBefore, ofAfter);
            }

            using var scope = NewDisposeScope();
            var (dx, dstep, dbefore, dafter) = kernels is null
                ? PlainGradients(layout, range, scale, dy, x, step, before, afterSize)
                : CudaLsq.Gradients(kernels, layout, range.Codes, dy, x, step, scale, before, afterSize);
            return new(
                dx.MoveToOuterDisposeScope(),
                dstep.to(step.dtype).MoveToOuterDisposeScope(),
                dbefore?.view(before!.shape).to(x.dtype).MoveToOuterDisposeScope(),
                dafter?.to(x.dtype).MoveToOuterDisposeScope());
        }

        /// <summary>The gradients by torch's operations.</summary>
        private static (Tensor Input, Tensor Step, Tensor? Before, Tensor? After) PlainGradients(
            ScaleLayout layout, LevelRange range, double scale, Tensor dy, Tensor x, Tensor step, Tensor? before,
            long afterSize)
        {
            var shifted = before is null ? x : Lsq.Shift(layout, x, before);
            var ratio = layout.Grouped(shifted) / layout.Spread(step.clamp_min(Lsq.LeastStep));
            var gy = layout.Grouped(dy);
            var inside = range.IsSign
                ? zeros_like(ratio)
                : (ratio >= range.Low).logical_and_(ratio <= range.High).to(ratio.dtype);
            var term = range.IsSign ? ratio.sign() : ratio.clamp(range.Low, range.High).round_().sub_(inside * ratio);
            var dx = (gy * inside).view(x.shape);
            return (
                dx,
                layout.Gather(gy * term).mul_(scale),
                before is null ? null : layout.Parts(dx, before).sum([0]),
                afterSize == 0 ? null : dy.reshape(layout.Rows * layout.Columns / afterSize, afterSize).sum([0]));
        }

        /// <summary>The CUDA kernels, if they apply: tensors of one type.</summary>
        private static CudaModule? Cuda(Tensor x, params ReadOnlySpan<Tensor?> others)
        {
            if (CudaLsq.For(x) is not { } kernels)
            {
                return null;
            }

            foreach (var other in others)
            {
                if (other is not null && other.dtype != x.dtype)
                {
                    return null;
                }
            }

            return kernels;
        }
    }
}
