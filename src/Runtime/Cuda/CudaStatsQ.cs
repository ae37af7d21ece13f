using Marrow.Kernels.Quantizers;
using static TorchSharp.torch;

namespace Marrow.Cuda;

/// <summary>StatsQ by CUDA kernels: the text <c>statsq.cu</c>.</summary>
internal static class CudaStatsQ
{
    /// <summary>The kernels for a contiguous w, float32 or bfloat16; null if they do not apply.</summary>
    public static CudaModule? For(Tensor w) =>
        CudaKernels.DriverOf(w) is { } driver && CudaEntry.Of(w) is { } entry && w.is_contiguous()
            ? CudaKernels.Load(driver, Text(entry))
            : null;

    public static KernelText Text(string entry) => new("statsq", $"ENTRY={entry}");

    /// <summary>Codes: odd levels 2u + 1 up to 7 bits, u at 8 bits; and the scales.</summary>
    /// <param name="kernels">From <see cref="For"/>.</param>
    /// <param name="w">[out, in].</param>
    /// <param name="bits">2 to 8.</param>
    /// <param name="levels">int8 [out, in].</param>
    /// <param name="scales">float32 [out]: what one level is worth.</param>
    public static void Levels(CudaModule kernels, Tensor w, int bits, Tensor levels, Tensor scales) =>
        kernels.LaunchWarps(
            "statsq_levels", w.size(0), w, levels, scales, w.size(0), w.size(1), Half(bits), bits == 8 ? 1 : 0);

    /// <summary>ŵ into <paramref name="target"/>, of w's type and shape.</summary>
    /// <param name="kernels">From <see cref="For"/>.</param>
    /// <param name="layout">Which rows share a scale.</param>
    /// <param name="w">The weight.</param>
    /// <param name="bits">2 to 8.</param>
    /// <param name="target">As w, contiguous.</param>
    public static void Quantize(CudaModule kernels, ScaleLayout layout, Tensor w, int bits, Tensor target) =>
        kernels.LaunchWarps(
            "statsq_values", layout.Steps, w, target, (long)layout.Rows, (long)layout.Columns, (long)layout.Steps,
            Half(bits));

    /// <summary>The entries that CGA freezes, bool as w: those away from boundaries between levels in use.</summary>
    /// <param name="kernels">From <see cref="For"/>.</param>
    /// <param name="w">[out, in].</param>
    /// <param name="bits">2 to 8.</param>
    /// <param name="range">How near, in levels.</param>
    public static Tensor Confident(CudaModule kernels, Tensor w, int bits, double range)
    {
        using var scope = NewDisposeScope();
        var (rows, columns) = (w.size(0), w.size(1));
        var scales = empty([rows], dtype: ScalarType.Float32, device: w.device);
        var extremes = empty([2, rows], dtype: ScalarType.Float32, device: w.device);
        var confident = empty(w.shape, dtype: ScalarType.Bool, device: w.device);
        kernels.LaunchWarps("statsq_extremes", rows, w, scales, extremes, rows, columns, Half(bits));
        kernels.LaunchWarps(
            "statsq_confident", rows, w, scales, extremes.amin([1]), confident, rows, columns, Half(bits),
            (float)range);
        return scope.MoveToOuter(confident);
    }

    /// <summary>n: half the number of levels.</summary>
    private static float Half(int bits) => 1 << (bits - 1);
}
