using System.Collections.Concurrent;
using Marrow.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Marrow.Cuda;

/// <summary>
/// Where operations get their CUDA kernels. What cannot be had is said once, and plain operations go on.
/// </summary>
internal static class CudaKernels
{
    private static readonly ConcurrentDictionary<int, Lazy<ICudaDriver?>> Devices = new();
    private static readonly ConcurrentDictionary<(ICudaDriver, KernelText), Lazy<CudaModule?>> Modules = new();

    [ThreadStatic]
    private static ICudaDriver? ofCpu;

    /// <summary>
    /// Whether a tensor is on a device beside the CPU, or on the CPU that stands in for one. Looking at its numbers
    /// would wait for the device.
    /// </summary>
    public static bool IsDevice(Tensor x) => x.device_type != DeviceType.CPU || ofCpu is not null;

    /// <summary>What runs kernels over a tensor; null if nothing does.</summary>
    public static ICudaDriver? DriverOf(Tensor x) => x.device_type switch
    {
        DeviceType.CPU => ofCpu,
        DeviceType.CUDA => DriverOf(x.device_index),
        _ => null,
    };

    /// <summary>A CUDA device's driver; null if it cannot be had.</summary>
    public static ICudaDriver? DriverOf(int device) => Devices.GetOrAdd(
        Math.Max(0, device), // -1 is the first
        static index => new(() => OrSay(() => CudaDriver.Open(index, CudaDriver.LibraryName)))).Value;

    /// <summary>A text, loaded; null if it cannot be.</summary>
    public static CudaModule? Load(ICudaDriver driver, KernelText text) => Modules.GetOrAdd(
        (driver, text),
        static key => new(() => OrSay(() => new CudaModule(key.Item1, key.Item2)))).Value;

    /// <summary>
    /// Until it is disposed, this thread's tensors on the CPU take CUDA kernels too, run by this driver.
    /// </summary>
    public static IDisposable OnTheCpu(ICudaDriver driver)
    {
        ofCpu = driver;
        return new Restoration();
    }

    /// <summary>Has a device's kernels run by this driver.</summary>
    public static void Use(int device, ICudaDriver driver) => Devices[device] = new(() => driver);

    private static T? OrSay<T>(Func<T> make)
        where T : class
    {
        try
        {
            return make();
        }
        catch (Exception fault) when (fault is CudaException or NativeLoadException)
        {
            Console.Error.WriteLine($"Marrow: plain operations take the place of CUDA kernels: {fault.Message}");
            return null;
        }
    }

    private sealed class Restoration : IDisposable
    {
        public void Dispose() => ofCpu = null;
    }
}
