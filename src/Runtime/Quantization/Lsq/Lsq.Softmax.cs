using Marrow.Autograd;
using Marrow.Cuda;
using Marrow.Kernels.Quantizers;
using static TorchSharp.torch;

namespace Marrow.CompilerServices;

public static partial class Lsq
{
    /// <summary>
    /// Quantized attention weights, <c>LSQ(softmax(logits + bias))</c>, differentiable; on CUDA a pass each way.
    /// </summary>
    /// <param name="logits">[B, heads, N, N].</param>
    /// <param name="bias">[1 or B, heads, N, N], or null.</param>
    /// <param name="step">[N], one for each query.</param>
    /// <param name="range">Unsigned levels.</param>
    internal static Tensor QuantizeSoftmax(Tensor logits, Tensor? bias, Tensor step, LevelRange range)
    {
        using var scope = NewDisposeScope();
        var (x, added) = (logits.contiguous(), bias?.contiguous());
        if (EagerMode.IsOn || CudaSoftmax.For(x) is not { } kernels || step.dtype != x.dtype
            || (added is not null && added.dtype != x.dtype))
        {
            var weights = nn.functional.softmax(bias is null ? logits : logits + bias, -1);
            return scope.MoveToOuter(Quantize(weights, step, range, ScaleGranularity.Position));
        }

        var layout = Layout(x, step, ScaleGranularity.Position);
        var operation = new SoftmaxOperation(kernels, range.High, layout, added is { requires_grad: true });
        return scope.MoveToOuter(OperationFunction.Run(operation, x, step, added));
    }

    private sealed class SoftmaxOperation(CudaModule kernels, int high, ScaleLayout layout, bool needsBias) : Operation
    {
        public override string Name => "a quantized softmax";

        public override Tensor Forward(Saved saved, IReadOnlyList<Tensor?> inputs)
        {
            var (logits, step, bias) = (inputs[0]!, inputs[1]!, inputs[2]);
            var (weights, extent) = CudaSoftmax.Quantize(kernels, logits, bias, step, high);
            saved.Keep(logits, step, bias, extent);
            return weights;
        }

        public override IReadOnlyList<Tensor?> Backward(Saved saved, Tensor dy)
        {
            var (logits, step, bias) = (saved[0], saved[1], saved.Optional(2));
            var scale = 1 / Math.Sqrt((double)high * layout.Count);
            var (dlogits, dstep) = CudaSoftmax.Gradients(kernels, dy, logits, bias, step, scale, saved[3], high);
            return [dlogits, dstep.to(step.dtype), needsBias ? dlogits.view([-1, .. bias!.shape]).sum([0]) : null];
        }
    }
}
