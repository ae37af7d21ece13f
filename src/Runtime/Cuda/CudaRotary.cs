using static TorchSharp.torch;

namespace Marrow.Cuda;

/// <summary>Rotary positions by a CUDA kernel: the text <c>rotary.cu</c>.</summary>
internal static class CudaRotary
{
    private const long MostThreads = 256, WarpThreads = 32, Entries = 8;

    /// <summary>The kernel for x and tables of its type; null if it does not apply.</summary>
    public static CudaModule? For(Tensor x, Tensor cos, Tensor sin) =>
        CudaKernels.DriverOf(x) is { } driver && CudaEntry.Of(x) is { } entry
            && cos.dtype == x.dtype && sin.dtype == x.dtype
            ? CudaKernels.Load(driver, Text(entry))
            : null;

    public static KernelText Text(string entry) => new("rotary", $"ENTRY={entry}");

    /// <summary>x turned, or turned back; contiguous.</summary>
    /// <param name="kernels">From <see cref="For"/>.</param>
    /// <param name="x">[batch, tokens, heads, d]; a view whose heads are contiguous is read where it lies.</param>
    /// <param name="cos">[tokens, d], contiguous.</param>
    /// <param name="sin">[tokens, d], contiguous.</param>
    /// <param name="isBack">Whether it is a gradient that turns back.</param>
    public static Tensor Turn(CudaModule kernels, Tensor x, Tensor cos, Tensor sin, bool isBack)
    {
        var source = x.stride(3) == 1 ? x : x.contiguous();
        var y = empty(x.shape, dtype: x.dtype, device: x.device);
        var (rows, heads, half) = (x.size(0) * x.size(1), x.size(2), x.size(3) / 2);
        var threads = (heads * ((half + Entries - 1) / Entries) + WarpThreads - 1) / WarpThreads * WarpThreads;
        kernels.Launch(
            "rotary", rows, (int)Math.Clamp(threads, WarpThreads, MostThreads), CudaArgument.View(source), cos, sin, y,
            x.size(1), (int)heads, half, source.stride(0), source.stride(1), source.stride(2), isBack ? 1 : 0);
        return y;
    }
}
