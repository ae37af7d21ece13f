using Marrow.Cuda;
using Marrow.Cuda.Emulation;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Cuda;

/// <summary>
/// Where the tests run CUDA kernels: over the emulator, or on the first device where MARROW_TEST_DEVICE=cuda, which is
/// then where tests make tensors too.
/// </summary>
internal static class KernelHost
{
    private static readonly EmulatedDriver Emulator = new();

    static KernelHost()
    {
        Driver = new(IsDevice ? CudaDriver.Open(0, CudaDriver.LibraryName) : Emulator);
        if (IsDevice)
        {
            set_default_device(CUDA);
            CudaKernels.Use(0, Driver);
        }
    }

    public static bool IsDevice { get; } = Environment.GetEnvironmentVariable("MARROW_TEST_DEVICE") == "cuda";

    public static Device Device => IsDevice ? CUDA : CPU;

    /// <summary>What runs the kernels, and records which it ran.</summary>
    public static RecordingDriver Driver { get; }

    /// <summary>Skips the test where nothing runs kernels.</summary>
    public static void Require()
    {
        if (!IsDevice)
        {
            RequireEmulator();
        }
    }

    /// <summary>Skips the test where there is no emulator.</summary>
    public static void RequireEmulator() => Assert.SkipUnless(
        EmulatedDriver.IsAvailable, "there is no g++, or this is not Linux on x64");

    /// <summary>Until it is disposed, tensors of <see cref="Device"/> take CUDA kernels.</summary>
    /// <param name="order">In which order the emulator's threads go on; a device has its own.</param>
    public static IDisposable Take(uint order = 1)
    {
        Emulator.Order = order;
        Driver.Launched.Clear();
        return CudaKernels.OnTheCpu(Driver);
    }
}
