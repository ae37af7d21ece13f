using System.Diagnostics;
using Marrow.Cuda;
using Marrow.Cuda.Emulation;
using TorchSharp;
using static TorchSharp.torch;

namespace Marrow.Benchmarks.Device;

/// <summary>
/// Where the device benchmarks run: a CUDA device at full sizes, or the emulator at sizes of a few entries, which tells
/// nothing about time and keeps the benchmarks running where there is no device.
/// </summary>
internal sealed class Target : IDisposable
{
    /// <summary>The name that stands for the emulator on the command line.</summary>
    public const string Emulator = "emulator";

    private const int Rounds = 7, WarmUps = 2;
    private const double LeastMilliseconds = 20; // of a round, so that the wait at its end is little

    private readonly IDisposable? emulation;

    public Target(string name)
    {
        IsEmulated = name == Emulator;
        if (IsEmulated)
        {
            (Device, Status, Driver) = (CPU, new("emulator", 0, 0), new RecordingDriver(new EmulatedDriver()));
            emulation = CudaKernels.OnTheCpu(Driver);
            return;
        }

        Device = Devices.Of(name);
        var index = Math.Max(0, Device.index); // -1 is the first
        Driver = new RecordingDriver(CudaDriver.Open(index, CudaDriver.LibraryName));
        CudaKernels.Use(index, Driver);
        Status = Driver.Status();
    }

    public bool IsEmulated { get; }

    public torch.Device Device { get; }

    public RecordingDriver Driver { get; }

    /// <summary>The device's name and memory before anything ran.</summary>
    public DeviceStatus Status { get; }

    /// <summary>A size at full length, or the small one.</summary>
    public long Size(long full, long small) => IsEmulated ? small : full;

    /// <summary>Random numbers there, of a type.</summary>
    public Tensor Random(ScalarType type, params long[] shape) => randn(shape, device: Device).to(type);

    /// <summary>Median milliseconds of a way; what it makes is freed.</summary>
    public double Time(Action way)
    {
        Action step = () =>
        {
            using var scope = NewDisposeScope();
            way();
        };
        if (IsEmulated)
        {
            return Round(step, 1);
        }

        for (var i = 0; i < WarmUps; i++)
        {
            step();
        }

        var repeats = (int)Math.Clamp(LeastMilliseconds / Round(step, 1), 1, 1000);
        var times = Enumerable.Range(0, Rounds).Select(_ => Round(step, repeats)).Order().ToList();
        return times[times.Count / 2];
    }

    public void Dispose() => emulation?.Dispose();

    private double Round(Action step, int repeats)
    {
        Wait();
        var start = Stopwatch.GetTimestamp();
        for (var i = 0; i < repeats; i++)
        {
            step();
        }

        Wait();
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds / repeats;
    }

    private void Wait()
    {
        if (!IsEmulated)
        {
            cuda.synchronize(Device);
        }
    }
}
