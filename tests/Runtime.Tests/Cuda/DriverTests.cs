using System.Diagnostics;
using Marrow.Cuda;
using Marrow.Native;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Cuda;

/// <summary>
/// <see cref="CudaDriver"/> with the compiler that it has on a device, and a driver that runs nothing: what is called,
/// in which context and on which stream, with which arguments, and what the user's cache keeps.
/// </summary>
public sealed class DriverTests : IDisposable
{
    private const string Notes = "MARROW_STUB_NOTES", Capability = "MARROW_STUB_CAPABILITY", Cache = "XDG_CACHE_HOME";

    private readonly TemporaryFolder folder = new();
    private readonly TorchSharp.DisposeScope scope = NewDisposeScope();
    private readonly string? cache = Environment.GetEnvironmentVariable(Cache);

    public DriverTests()
    {
        KernelHost.RequireEmulator(); // its compiler
        Native(Notes, folder.File("notes"));
        Native(Cache, folder.Path);
    }

    public void Dispose()
    {
        Native(Cache, cache ?? "");
        scope.Dispose();
        folder.Dispose();
    }

    [Theory]
    [InlineData(80, "cubin")]
    [InlineData(97, "ptx")] // newer than the compiler: it makes PTX, and the driver code of that
    public void AKernel_IsCompiledOnce_AndLaunchedOnTorchsStream(int capability, string kind)
    {
        for (var process = 0; process < 2; process++)
        {
            var driver = Open(capability);
            Assert.Equal(new DeviceStatus("A stub", 7, 10), driver.Status());
            var kernels = new CudaModule(driver, CudaStatsQ.Text(CudaEntry.Float));
            CudaStatsQ.Levels(kernels, zeros(20, 9), 8, zeros(20, 9, dtype: int8), zeros(20));
        }

        const string launch =
            "launch 3 1 1, 256 1 1, shared 0, stream 0x5000: rows 20, columns 9, n 128, is_halved 1";
        Assert.Equal([$"load {kind}", launch, $"load {kind}", launch], File.ReadAllLines(folder.File("notes")));
        var kept = Assert.Single(Directory.GetFiles(KernelFolder));
        Assert.StartsWith("statsq-", Path.GetFileName(kept));
    }

    [Fact]
    public void ADamagedCache_IsCompiledAnew()
    {
        _ = new CudaModule(Open(80), CudaStatsQ.Text(CudaEntry.Float));
        var kept = Assert.Single(Directory.GetFiles(KernelFolder));
        var whole = File.ReadAllBytes(kept);
        File.WriteAllBytes(kept, new byte[64]);
        _ = new CudaModule(Open(80), CudaStatsQ.Text(CudaEntry.Float));
        Assert.Equal(["load cubin", "load nothing known", "load cubin"], File.ReadAllLines(folder.File("notes")));
        Assert.Equal(whole, File.ReadAllBytes(kept));
    }

    [Fact]
    public void WhatTheDriverRefuses_IsSaidInItsWords()
    {
        var kernels = new CudaModule(Open(80), CudaStatsQ.Text(CudaEntry.Float));
        Assert.Equal("Finding statsq_nothing failed: named symbol not found (CUDA error 500).", Assert.Throws<
            CudaException>(() => kernels.Launch("statsq_nothing", 1, 32, 5)).Message);
        Assert.Equal("cuLaunchKernel failed: invalid argument (CUDA error 1).", Assert.Throws<CudaException>(() =>
            CudaStatsQ.Levels(kernels, zeros(9000, 1), 8, zeros(9000, 1, dtype: int8), zeros(9000))).Message);
    }

    [Fact]
    public void AnArchitectureBelowTheCompilers_IsNamed() => Assert.EndsWith(
        "does not compile for compute capability 1.0.", Assert.Throws<CudaException>(() => Open(10)).Message);

    private string KernelFolder => Path.Combine(folder.Path, "marrow", "kernels");

    /// <summary>A driver beside NVRTC and a libtorch_cuda that is the stub too.</summary>
    private CudaDriver Open(int capability)
    {
        Native(Capability, $"{capability}");
        var torch = folder.File($"torch-{Guid.NewGuid():N}"); // a name of its own, so that it is loaded anew
        Directory.CreateDirectory(torch);
        foreach (var library in Directory.GetFiles(Path.GetDirectoryName(CompilerTests.Find("libnvrtc.so.*"))!))
        {
            File.CreateSymbolicLink(Path.Combine(torch, Path.GetFileName(library)), library);
        }

        using (var reader = new StreamReader(GetType().Assembly.GetManifestResourceStream("driver.cpp")!))
        {
            File.WriteAllText(Path.Combine(torch, "driver.cpp"), reader.ReadToEnd());
        }

        var stub = Path.Combine(torch, "libtorch_cuda.so");
        using var compiler = Process.Start(
            "g++", ["-shared", "-fPIC", Path.Combine(torch, "driver.cpp"), "-o", stub]);
        compiler.WaitForExit();
        Assert.Equal(0, compiler.ExitCode);
        return CudaDriver.Open(1, stub, new LibTorchLocation(torch, torch, ""));
    }

    /// <summary>Sets a variable for the stub too, which asks the C library.</summary>
    private static void Native(string name, string value)
    {
        Environment.SetEnvironmentVariable(name, value);
        Assert.Equal(0, SetEnvironment(name, value, 1));
    }

    [System.Runtime.InteropServices.DllImport("libc", EntryPoint = "setenv")]
    private static extern int SetEnvironment(string name, string value, int overwrites);
}
