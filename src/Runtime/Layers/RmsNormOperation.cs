using Marrow.Autograd;
using Marrow.Cuda;
using Marrow.Kernels.Memory;
using Marrow.Kernels.Normalization;
using Marrow.Kernels.Reductions;
using Marrow.Kernels.Threading;
using static TorchSharp.torch;

namespace Marrow.Layers;

/// <summary>
/// <see cref="RmsNorm"/> of float32 on the CPU, and on CUDA, in one pass each way, where torch's operations make
/// sixteen: <c>y = r x w</c> with <c>r = 1 / sqrt(mean x² + eps)</c>; <c>dx = r w dy − x r³ mean(w dy x)</c>,
/// <c>dw = Σ r x dy</c>. Where w is zero-centered, 1 + w stands in its place.
/// </summary>
internal sealed unsafe class RmsNormOperation(double eps, bool zeroCentered, bool learns) : Operation
{
    public override string Name => "an RMSNorm";

    private float Center => zeroCentered ? 1 : 0;

    public static bool Suits(Tensor x, Tensor weight) =>
        x.dim() > 0 && x.size(-1) == weight.size(0)
        && (CudaRmsNorm.For(x, weight) is not null || TensorMemory.AreFloats(x, weight));

    public override Tensor Forward(Saved saved, IReadOnlyList<Tensor?> inputs)
    {
        var (x, weight) = (inputs[0]!.contiguous(), inputs[1]!);
        if (CudaRmsNorm.For(x, weight) is { } kernels)
        {
            var result = CudaRmsNorm.Forward(kernels, x, weight, eps, zeroCentered);
            saved.Keep(x, weight, result.Roots);
            return result.Y;
        }

        var (y, roots) = (empty_like(x), empty(x.numel() / weight.numel(), dtype: ScalarType.Float32));
        saved.Keep(x, weight, roots);
        var kernel = new RmsNormForwardKernel
        {
            Columns = (int)weight.numel(),
            Eps = eps,
            Center = Center,
            X = x.Floats(),
            Weight = weight.Floats(),
            Y = y.Floats(),
            Roots = roots.Floats(),
        };
        ThreadTeam.Run(ref kernel, (int)roots.numel(), x.numel());
        return y;
    }

    public override IReadOnlyList<Tensor?> Backward(Saved saved, Tensor dy)
    {
        var (x, weight, roots) = (saved[0], saved[1], saved[2]);
        if (CudaRmsNorm.For(x, weight) is { } kernels)
        {
            var result = CudaRmsNorm.Backward(kernels, dy, x, weight, roots, zeroCentered, learns);
            return [result.Input, result.Weight];
        }

        var dx = empty_like(x);
        using var sums = learns
            ? new PartialSums(ThreadTeam.Parts((int)roots.numel(), x.numel()), weight.numel())
            : default;
        var kernel = new RmsNormBackwardKernel
        {
            Columns = (int)weight.numel(),
            Center = Center,
            X = x.Floats(),
            Weight = weight.Floats(),
            Roots = roots.Floats(),
            Dy = dy.Floats(),
            Dx = dx.Floats(),
            Sums = sums,
        };
        ThreadTeam.Run(ref kernel, (int)roots.numel(), x.numel());
        return [dx, learns ? sums.Total() : null];
    }
}
