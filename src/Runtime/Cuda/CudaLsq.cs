using Marrow.Kernels.Memory;
using static TorchSharp.torch;

namespace Marrow.Cuda;

/// <summary>LSQ by CUDA kernels: the text <c>lsq.cu</c>.</summary>
internal static class CudaLsq
{
    /// <summary>The kernels for x [n, in], float32 or bfloat16; null if they do not apply.</summary>
    public static CudaModule? For(Tensor x) =>
        CudaKernels.DriverOf(x) is { } driver && CudaEntry.Of(x) is { } entry && x.is_contiguous()
            ? CudaKernels.Load(driver, Text(entry))
            : null;

    public static KernelText Text(string entry) => new("lsq", $"ENTRY={entry}");

    /// <summary>Activations to codes; false if there is a NaN, for which the CPU waits for the device.</summary>
    /// <param name="kernels">From <see cref="For"/>.</param>
    /// <param name="x">[n, in].</param>
    /// <param name="step">[N], N a divisor of n, or [1].</param>
    /// <param name="before">Added to x, [in], or null.</param>
    /// <param name="range">The levels.</param>
    /// <param name="offset">Taken from levels.</param>
    /// <param name="stored">int8 [n, in], which takes the codes.</param>
    public static bool Levels(
        CudaModule kernels, Tensor x, Tensor step, Tensor? before, IntegerRange range, int offset, Tensor stored)
    {
        using var scope = NewDisposeScope();
        var hasNaN = zeros(1, dtype: ScalarType.Int32, device: x.device);
        kernels.LaunchWarps(
            "lsq_levels", x.size(0), x, Wide(step), before is null ? null : Wide(before), stored, hasNaN, x.size(0),
            x.size(1), step.numel(), (float)range.Low, (float)range.High, (float)offset);
        return hasNaN.item<int>() == 0;
    }

    private static Tensor Wide(Tensor value) => value.detach().to(ScalarType.Float32).contiguous();
}
