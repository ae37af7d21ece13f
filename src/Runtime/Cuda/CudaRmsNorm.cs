using static TorchSharp.torch;

namespace Marrow.Cuda;

/// <summary>RMSNorm by CUDA kernels: the text <c>rms_norm.cu</c>.</summary>
internal static class CudaRmsNorm
{
    /// <summary>Columns that a thread block of <c>rms_norm_weight</c> takes, and about how many rows.</summary>
    private const long ColumnsOfBlock = 256, RowsOfGroup = 128;

    /// <summary>The kernels for x and a weight of its type; null if they do not apply.</summary>
    public static CudaModule? For(Tensor x, Tensor weight) =>
        CudaKernels.DriverOf(x) is { } driver && CudaEntry.Of(x) is { } entry && weight.dtype == x.dtype
            ? CudaKernels.Load(driver, Text(entry))
            : null;

    public static KernelText Text(string entry) => new("rms_norm", $"ENTRY={entry}");

    /// <summary>y, as x, and 1 / rms of the rows in float32.</summary>
    /// <param name="kernels">From <see cref="For"/>.</param>
    /// <param name="x">[..., columns], contiguous.</param>
    /// <param name="weight">[columns].</param>
    /// <param name="eps">Added to the mean square.</param>
    /// <param name="zeroCentered">Whether 1 + w stands in the place of w.</param>
    public static (Tensor Y, Tensor Roots) Forward(
        CudaModule kernels, Tensor x, Tensor weight, double eps, bool zeroCentered)
    {
        var (columns, rows) = (weight.numel(), x.numel() / weight.numel());
        var (y, roots) = (empty_like(x), empty(rows, dtype: ScalarType.Float32, device: x.device));
        kernels.LaunchWarps(
            "rms_norm_forward", rows, x, weight, y, roots, rows, columns, (float)eps, zeroCentered ? 1 : 0);
        return (y, roots);
    }

    /// <summary>dx, as x, and the weight's gradient, [columns], where it is wanted.</summary>
    /// <param name="kernels">From <see cref="For"/>.</param>
    /// <param name="dy">Gradient of y.</param>
    /// <param name="x">[..., columns], contiguous.</param>
    /// <param name="weight">[columns].</param>
    /// <param name="roots">From the forward.</param>
    /// <param name="zeroCentered">As in the forward.</param>
    /// <param name="learns">Whether the weight wants its gradient.</param>
    public static (Tensor Input, Tensor? Weight) Backward(
        CudaModule kernels, Tensor dy, Tensor x, Tensor weight, Tensor roots, bool zeroCentered, bool learns)
    {
        var (columns, rows) = (weight.numel(), roots.numel());
        var dx = empty_like(x);
        kernels.LaunchWarps(
            "rms_norm_backward", rows, dy, x, weight, roots, dx, rows, columns, zeroCentered ? 1 : 0);
        if (!learns)
        {
            return (dx, null);
        }

        var groups = (rows + RowsOfGroup - 1) / RowsOfGroup;
        var sums = empty([groups, columns], dtype: ScalarType.Float32, device: x.device);
        kernels.Launch(
            "rms_norm_weight", groups * ((columns + ColumnsOfBlock - 1) / ColumnsOfBlock), (int)ColumnsOfBlock, dy, x,
            roots, sums, rows, columns, RowsOfGroup);
        return (dx, sums.sum([0]).to(weight.dtype));
    }
}
