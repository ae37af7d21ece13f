using static TorchSharp.torch;

namespace Marrow.Cuda;

/// <summary>Dropout by a CUDA kernel, with a seed in the place of a mask: the text <c>dropout.cu</c>.</summary>
internal static class CudaDropout
{
    private const long Threads = 256, Entries = 8;

    /// <summary>The kernel for tensors of x's device and type; null if it does not apply.</summary>
    public static CudaModule? For(Tensor x) =>
        CudaKernels.DriverOf(x) is { } driver && CudaEntry.Of(x) is { } entry
            ? CudaKernels.Load(driver, Text(entry))
            : null;

    public static KernelText Text(string entry) => new("dropout", $"ENTRY={entry}");

    /// <summary>A seed from the device's generator, int64 [1]. The CPU does not wait for it.</summary>
    public static Tensor Seed(Device device) =>
        randint(long.MaxValue, [1], dtype: ScalarType.Int64, device: device);

    /// <summary>Zeroes what the seed drops, and scales the rest by 1 / (1 − p).</summary>
    /// <param name="kernels">From <see cref="For"/>.</param>
    /// <param name="x">Any shape.</param>
    /// <param name="seed">From <see cref="Seed"/>.</param>
    /// <param name="probability">p.</param>
    public static Tensor Apply(CudaModule kernels, Tensor x, Tensor seed, double probability)
    {
        using var scope = NewDisposeScope();
        var source = x.contiguous();
        var y = empty_like(source);
        kernels.Launch(
            "dropout", (source.numel() + (Threads * Entries) - 1) / (Threads * Entries), (int)Threads, source, seed, y,
            source.numel(), Threshold(probability), (float)(1 / (1 - probability)));
        return scope.MoveToOuter(y);
    }

    /// <summary>How many of the 2³² values of a word drop an entry.</summary>
    private static int Threshold(double probability) => unchecked((int)(uint)(probability * 4294967296.0));
}
