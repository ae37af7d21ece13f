using static TorchSharp.torch;

namespace Marrow.Cuda;

/// <summary>Oscillation statistics by a CUDA kernel: the text <c>oscillation.cu</c>.</summary>
internal static class CudaOscillation
{
    private const int Threads = 256, WeightsOfThread = 8, WarpThreads = 32;

    /// <summary>The kernel for contiguous levels; null if it does not apply.</summary>
    public static CudaModule? For(Tensor levels, bool freezes) =>
        CudaKernels.DriverOf(levels) is { } driver && levels.is_contiguous()
            ? CudaKernels.Load(driver, Text(freezes))
            : null;

    public static KernelText Text(bool freezes) => new("oscillation", $"FREEZES={(freezes ? 1 : 0)}");

    /// <summary>Changes the state; answers how many levels changed, a number on their device.</summary>
    /// <param name="kernels">From <see cref="For"/>.</param>
    /// <param name="now">The levels after a step.</param>
    /// <param name="levels">Those before it.</param>
    /// <param name="direction">int8.</param>
    /// <param name="frequency">float32.</param>
    /// <param name="total">int32.</param>
    /// <param name="freezing">Used by the kernel that freezes: bool, int8, and float32 or null.</param>
    /// <param name="momentum">Of the averages.</param>
    /// <param name="threshold">The frequency above which a weight freezes.</param>
    public static Tensor Update(
        CudaModule kernels, Tensor now, Tensor levels, Tensor direction, Tensor frequency, Tensor total,
        (Tensor Frozen, Tensor Levels, Tensor? Average) freezing, double momentum, double threshold)
    {
        using var scope = NewDisposeScope();
        var blocks = (now.numel() + (Threads * WeightsOfThread) - 1) / (Threads * WeightsOfThread);
        var changed = empty([blocks * Threads / WarpThreads], dtype: ScalarType.Int32, device: now.device);
        kernels.Launch(
            "oscillation_update", blocks, Threads, now, levels, direction, frequency, total, freezing.Frozen,
            freezing.Levels, freezing.Average, changed, now.numel(), (float)momentum, (float)(1 - momentum),
            (float)threshold);
        return scope.MoveToOuter(changed.sum());
    }
}
