using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Marrow.Native;
using static TorchSharp.torch;

namespace Marrow.Cuda;

/// <summary>
/// A device by NVIDIA's driver, in the context and on the stream that libtorch uses. What is compiled stays in the
/// user's cache, under a name that says the text, what it sets, the architecture and the compiler.
/// </summary>
internal sealed unsafe class CudaDriver : ICudaDriver
{
    private const int CapabilityMajor = 75, CapabilityMinor = 76;

    private readonly nint driver, context, currentStream;
    private readonly int index, device;
    private readonly string architecture;
    private readonly Nvrtc compiler;

    private CudaDriver(int index, string library, LibTorchLocation libTorch)
    {
        if (!NativeLibrary.TryLoad(library, out driver))
        {
            throw new CudaException($"{library}, NVIDIA's driver, does not load.");
        }

        int own, major, minor;
        nint primary;
        Check(((delegate* unmanaged<uint, int>)Export("cuInit"))(0), "cuInit");
        Check(((delegate* unmanaged<int*, int, int>)Export("cuDeviceGet"))(&own, index), "cuDeviceGet");
        var attribute = (delegate* unmanaged<int*, int, int, int>)Export("cuDeviceGetAttribute");
        Check(attribute(&major, CapabilityMajor, own), "cuDeviceGetAttribute");
        Check(attribute(&minor, CapabilityMinor, own), "cuDeviceGetAttribute");
        Check(((delegate* unmanaged<nint*, int, int>)Export("cuDevicePrimaryCtxRetain"))(&primary, own),
            "cuDevicePrimaryCtxRetain");
        (this.index, device, context) = (index, own, primary);
        compiler = Nvrtc.Beside(libTorch.Directory);
        architecture = Architecture((major * 10) + minor, compiler);
        var torchCuda = Path.Combine(libTorch.Directory, LibTorchLocation.FileName("torch_cuda"));
        if (!NativeLibrary.TryLoad(torchCuda, out var loaded)
            || !NativeLibrary.TryGetExport(loaded, "aoti_torch_get_current_cuda_stream", out currentStream))
        {
            throw new CudaException($"{torchCuda} does not load, or does not say its current stream.");
        }
    }

    /// <summary>The name of NVIDIA's driver.</summary>
    public static string LibraryName => OperatingSystem.IsWindows() ? "nvcuda.dll" : "libcuda.so.1";

    /// <summary>A device.</summary>
    /// <param name="index">Its number.</param>
    /// <param name="library">The driver's library.</param>
    /// <exception cref="CudaException">The driver, the device or the compiler cannot be had.</exception>
    public static CudaDriver Open(int index, string library) => Open(index, library, LibTorchLocation.Find());

    /// <summary>A device, with NVRTC and the current stream from a libtorch.</summary>
    /// <exception cref="CudaException">The driver, the device or the compiler cannot be had.</exception>
    public static CudaDriver Open(int index, string library, LibTorchLocation libTorch) =>
        new(index, library, libTorch);

    /// <summary>
    /// What to compile for: the device itself; PTX of the newest architecture below if the compiler does not know it.
    /// </summary>
    /// <param name="capability">The device's, as 90 for 9.0.</param>
    /// <param name="compiler">The compiler.</param>
    /// <exception cref="CudaException">The compiler knows newer ones alone.</exception>
    private static string Architecture(int capability, Nvrtc compiler)
    {
        var known = compiler.Architectures.Where(candidate => candidate <= capability).DefaultIfEmpty().Max();
        return known == capability ? $"sm_{known}"
            : known > 0 ? $"compute_{known}"
            : throw new CudaException(
                $"NVRTC {compiler.Version} does not compile for compute capability {capability / 10.0:0.0}.");
    }

    /// <inheritdoc/>
    public nint Load(KernelText text)
    {
        var key = string.Join(
            '\0', text.Source, KernelText.Resource(KernelText.Header), text.Defines, architecture, compiler.Version);
        var file = $"{text.Name}-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)))}.bin";
        var folder = UserCache.Folder is { } cache ? Path.Combine(cache, "kernels") : null;
        if (folder is not null && TryRead(Path.Combine(folder, file)) is { } kept && TryLoad(kept, out var module) == 0)
        {
            return module;
        }

        var code = compiler.Compile(text, architecture);
        Check(TryLoad(code, out module), $"Loading {text}");
        if (folder is not null)
        {
            UserCache.TryStore(folder, file, code);
        }

        return module;
    }

    /// <inheritdoc/>
    public nint Function(nint module, string name)
    {
        nint function;
        var utf8 = Marshal.StringToCoTaskMemUTF8(name);
        try
        {
            Check(((delegate* unmanaged<nint*, nint, nint, int>)Export("cuModuleGetFunction"))(&function, module, utf8),
                $"Finding {name}");
            return function;
        }
        finally
        {
            Marshal.FreeCoTaskMem(utf8);
        }
    }

    /// <inheritdoc/>
    public DeviceStatus Status()
    {
        const int longest = 256;
        nuint free, total;
        var name = stackalloc byte[longest];
        using var current = new CurrentContext(this);
        Check(((delegate* unmanaged<byte*, int, int, int>)Export("cuDeviceGetName"))(name, longest, device),
            "cuDeviceGetName");
        Check(((delegate* unmanaged<nuint*, nuint*, int>)Export("cuMemGetInfo_v2"))(&free, &total), "cuMemGetInfo");
        return new(Marshal.PtrToStringUTF8((nint)name)!, (long)(total - free), (long)total);
    }

    /// <inheritdoc/>
    public void Launch(nint function, uint blocks, uint threads, void** arguments)
    {
        nint stream;
        if (((delegate* unmanaged<int, nint*, int>)currentStream)(index, &stream) != 0)
        {
            throw new CudaException("libtorch does not say its current stream.");
        }

        using var current = new CurrentContext(this);
        Check(((delegate* unmanaged<nint, uint, uint, uint, uint, uint, uint, uint, nint, void**, void**, int>)Export(
            "cuLaunchKernel"))(function, blocks, 1, 1, threads, 1, 1, 0, stream, arguments, null), "cuLaunchKernel");
    }

    /// <inheritdoc/>
    public Tensor Multiply(Tensor a, Tensor b) =>
        TorchOperators.Call(a.dim() == 2 ? "aten::mm" : "aten::bmm", "dtype", a, b, ScalarType.Float32);

    private static byte[]? TryRead(string path)
    {
        try
        {
            return File.Exists(path) ? File.ReadAllBytes(path) : null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>The driver's answer; 0 if the code is loaded.</summary>
    private int TryLoad(byte[] code, out nint module)
    {
        using var current = new CurrentContext(this);
        fixed (byte* image = code)
        fixed (nint* result = &module)
        {
            return ((delegate* unmanaged<nint*, byte*, int>)Export("cuModuleLoadData"))(result, image);
        }
    }

    private nint Export(string name) => NativeLibrary.TryGetExport(driver, name, out var function)
        ? function
        : throw new CudaException($"NVIDIA's driver has no {name}.");

    private void Check(int code, string what)
    {
        if (code != 0)
        {
            nint words;
            ((delegate* unmanaged<int, nint*, int>)Export("cuGetErrorString"))(code, &words);
            var reason = Marshal.PtrToStringUTF8(words) ?? "unknown";
            throw new CudaException($"{what} failed: {reason} (CUDA error {code}).");
        }
    }

    /// <summary>The device's context for a while; libtorch's own choice of a device comes back then.</summary>
    private readonly ref struct CurrentContext
    {
        private readonly CudaDriver driver;

        public CurrentContext(CudaDriver driver)
        {
            this.driver = driver;
            driver.Check(((delegate* unmanaged<nint, int>)driver.Export("cuCtxPushCurrent_v2"))(driver.context),
                "cuCtxPushCurrent");
        }

        public void Dispose()
        {
            nint popped;
            ((delegate* unmanaged<nint*, int>)driver.Export("cuCtxPopCurrent_v2"))(&popped);
        }
    }
}
