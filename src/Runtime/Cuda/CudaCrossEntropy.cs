using static TorchSharp.torch;

namespace Marrow.Cuda;

/// <summary>Cross entropy with its gradient by a CUDA kernel: the text <c>cross_entropy.cu</c>.</summary>
internal static class CudaCrossEntropy
{
    private const int Threads = 256;

    /// <summary>The kernel for logits; null if it does not apply.</summary>
    public static CudaModule? For(Tensor logits) =>
        CudaKernels.DriverOf(logits) is { } driver && CudaEntry.Of(logits) is { } entry
            ? CudaKernels.Load(driver, Text(entry))
            : null;

    public static KernelText Text(string entry) => new("cross_entropy", $"ENTRY={entry}");

    /// <summary>The losses' sum, float32 [], and its gradient, as the logits, where it is wanted.</summary>
    /// <param name="kernels">From <see cref="For"/>.</param>
    /// <param name="logits">[n, classes], contiguous.</param>
    /// <param name="labels">[n], int64.</param>
    /// <param name="ignored">The label whose rows do not count.</param>
    /// <param name="scale">What the sum is multiplied by.</param>
    /// <param name="wantsGradient">Whether the gradient is wanted.</param>
    public static (Tensor Sum, Tensor? Gradient) Run(
        CudaModule kernels, Tensor logits, Tensor labels, long ignored, double scale, bool wantsGradient)
    {
        var losses = empty(labels.shape, dtype: ScalarType.Float32, device: logits.device);
        var gradient = wantsGradient ? empty_like(logits) : null;
        kernels.Launch(
            "cross_entropy", labels.numel(), Threads, logits, labels.contiguous(), losses, gradient, logits.size(1),
            ignored, (float)scale);
        return (losses.sum(), gradient);
    }
}
