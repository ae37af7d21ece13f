using static TorchSharp.torch;

namespace Marrow.Cuda;

/// <summary>Softmax and LSQ of its unsigned result by CUDA kernels: the text <c>softmax.cu</c>.</summary>
internal static class CudaSoftmax
{
    /// <summary>Threads of a row; above so many columns it has the more.</summary>
    private const int ShortThreads = 32, LongThreads = 256, ShortColumns = 1024;

    /// <summary>The kernels for contiguous logits of float32, bfloat16 or float16; null if they do not apply.</summary>
    public static CudaModule? For(Tensor logits) =>
        CudaKernels.DriverOf(logits) is { } driver && CudaEntry.Of(logits) is { } entry && logits.is_contiguous()
            ? CudaKernels.Load(driver, Text(entry))
            : null;

    public static KernelText Text(string entry) => new("softmax", $"ENTRY={entry}");

    /// <summary>Quantized weights, as the logits, and what the backward needs of each row.</summary>
    /// <param name="kernels">From <see cref="For"/>.</param>
    /// <param name="logits">[..., N].</param>
    /// <param name="bias">Of the same type, contiguous; its rows repeat over those of the logits. Or null.</param>
    /// <param name="step">[steps], which repeat over the rows.</param>
    /// <param name="high">The highest level.</param>
    public static (Tensor Weights, Tensor Extent) Quantize(
        CudaModule kernels, Tensor logits, Tensor? bias, Tensor step, int high)
    {
        using var scope = NewDisposeScope();
        var (rows, columns) = Size(logits);
        var y = empty_like(logits);
        var extent = empty([rows, 2], dtype: ScalarType.Float32, device: logits.device);
        kernels.Launch(
            "softmax_levels", rows, Threads(columns), logits, bias, CudaFloats.Of(step), y, extent, columns,
            BiasRows(bias, columns), step.numel(), (float)high);
        return scope.MoveToOuter(y, extent);
    }

    /// <summary>Gradients of the logits, as they are, and of the steps, float32 [steps].</summary>
    /// <param name="kernels">From <see cref="For"/>.</param>
    /// <param name="dy">As the logits.</param>
    /// <param name="logits">As above.</param>
    /// <param name="bias">As above.</param>
    /// <param name="step">As above.</param>
    /// <param name="scale">What the gradient of the steps is multiplied with.</param>
    /// <param name="extent">From the forward.</param>
    /// <param name="high">The highest level.</param>
    public static (Tensor Logits, Tensor Step) Gradients(
        CudaModule kernels, Tensor dy, Tensor logits, Tensor? bias, Tensor step, double scale, Tensor extent,
        int high)
    {
        using var scope = NewDisposeScope();
        var (rows, columns) = Size(logits);
        var dlogits = empty_like(logits);
        var dstep = empty([rows], dtype: ScalarType.Float32, device: logits.device);
        kernels.Launch(
            "softmax_gradients", rows, Threads(columns), dy, logits, bias, CudaFloats.Of(step), extent, dlogits, dstep,
            columns, BiasRows(bias, columns), step.numel(), (float)scale, (float)high);
        return scope.MoveToOuter(dlogits, dstep.view(-1, step.numel()).sum([0]));
    }

    private static (long Rows, long Columns) Size(Tensor logits) =>
        (logits.numel() / logits.size(-1), logits.size(-1));

    private static long BiasRows(Tensor? bias, long columns) => bias is null ? 1 : bias.numel() / columns;

    private static int Threads(long columns) => columns <= ShortColumns ? ShortThreads : LongThreads;
}
