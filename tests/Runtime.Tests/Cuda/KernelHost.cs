using System.Runtime.InteropServices;
using Marrow.Cuda;
using Marrow.Cuda.Emulation;
using Marrow.Native;
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
        if (!IsDevice)
        {
            Driver = new(Emulator);
            return;
        }

        set_default_device(CUDA);
        SumInOneOrder(true);
        Driver = new(CudaDriver.Open(0, CudaDriver.LibraryName));
        CudaKernels.Use(0, Driver);
    }

    /// <summary>
    /// Has libtorch take operations that sum in one order, where others sum in an order of chance: TorchSharp's
    /// <c>use_deterministic_algorithms</c> does nothing.
    /// </summary>
    /// <returns>Whether libtorch says so, too.</returns>
    public static unsafe bool SumInOneOrder(bool isOn)
    {
        const byte warns = 1; // where there is no such operation
        var location = LibTorchLocation.Find();
        var library = NativeLibrary.Load(Path.Combine(location.Directory, LibTorchLocation.FileName("torch_cpu")));
        var context = ((delegate* unmanaged<nint>)Export("_ZN2at13globalContextEv"))();
        ((delegate* unmanaged<nint, byte, byte, void>)Export("_ZN2at7Context26setDeterministicAlgorithmsEbb"))(
            context, isOn ? (byte)1 : (byte)0, warns);
        return ((delegate* unmanaged<nint, byte>)Export("_ZNK2at7Context23deterministicAlgorithmsEv"))(context) != 0;

        nint Export(string name) => NativeLibrary.GetExport(library, name);
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
