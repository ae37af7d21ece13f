using System.Runtime.InteropServices;
using System.Text;

namespace Marrow.Cuda;

/// <summary>NVIDIA's compiler of CUDA C++, which CUDA builds of libtorch bring along.</summary>
internal sealed unsafe class Nvrtc
{
    private readonly nint library;

    /// <param name="path">The library.</param>
    /// <exception cref="CudaException">It does not load.</exception>
    public Nvrtc(string path)
    {
        // It asks for its own headers' library by name, and the system may not look here.
        foreach (var builtins in Directory.GetFiles(Path.GetDirectoryName(path)!, "*nvrtc-builtins*"))
        {
            NativeLibrary.TryLoad(builtins, out _);
        }

        if (!NativeLibrary.TryLoad(path, out library))
        {
            throw new CudaException($"{path} does not load.");
        }

        int major, minor, count;
        Check(((delegate* unmanaged<int*, int*, int>)Export("nvrtcVersion"))(&major, &minor));
        Check(((delegate* unmanaged<int*, int>)Export("nvrtcGetNumSupportedArchs"))(&count));
        var architectures = new int[count];
        fixed (int* first = architectures)
        {
            Check(((delegate* unmanaged<int*, int>)Export("nvrtcGetSupportedArchs"))(first));
        }

        (Version, Architectures) = ($"{major}.{minor}", architectures);
    }

    public string Version { get; }

    /// <summary>The architectures that it compiles for, as 90 for 9.0.</summary>
    public IReadOnlyList<int> Architectures { get; }

    /// <summary>Beside libtorch, or where Python's packages have it.</summary>
    /// <param name="libTorch">The folder of libtorch.</param>
    /// <exception cref="CudaException">It is not there.</exception>
    public static Nvrtc Beside(string libTorch)
    {
        var packages = Path.Combine(libTorch, "..", "..", "nvidia");
        var folders = new[] { libTorch }.Concat(
            Directory.Exists(packages)
                ? Directory.GetDirectories(packages).SelectMany(package =>
                    (string[])[Path.Combine(package, "lib"), Path.Combine(package, "bin")])
                : []);
        return folders.Where(Directory.Exists).SelectMany(Directory.GetFiles).FirstOrDefault(IsLibrary) is { } path
            ? new Nvrtc(path)
            : throw new CudaException($"NVRTC, which compiles them, is not beside libtorch in {libTorch}.");
    }

    /// <summary>Compiles a text.</summary>
    /// <param name="text">The text.</param>
    /// <param name="architecture">"sm_90" for code of a device, "compute_90" for PTX.</param>
    /// <exception cref="CudaException">The text has a fault; the message has NVRTC's own.</exception>
    public byte[] Compile(KernelText text, string architecture)
    {
        var options = (string[])
            [$"--gpu-architecture={architecture}", "--std=c++17", .. text.DefineList.Select(define => $"-D{define}")];
        var strings = ((string[])[text.Source, $"{text.Name}.cu", KernelText.Resource(KernelText.Header),
            KernelText.Header, .. options]).Select(Marshal.StringToCoTaskMemUTF8).ToArray();
        nint program;
        fixed (nint* first = strings)
        {
            try
            {
                Check(((delegate* unmanaged<nint*, nint, nint, int, nint*, nint*, int>)Export("nvrtcCreateProgram"))(
                    &program, first[0], first[1], 1, first + 2, first + 3));
                var code = ((delegate* unmanaged<nint, int, nint*, int>)Export("nvrtcCompileProgram"))(
                    program, options.Length, first + 4);
                if (code != 0)
                {
                    var log = Encoding.UTF8.GetString(Result(program, "ProgramLog")).Trim('\0', '\n');
                    throw new CudaException($"NVRTC {Version} does not compile {text}: {log}");
                }

                return Result(program, architecture.StartsWith("sm_", StringComparison.Ordinal) ? "CUBIN" : "PTX");
            }
            finally
            {
                ((delegate* unmanaged<nint*, int>)Export("nvrtcDestroyProgram"))(&program);
                Array.ForEach(strings, Marshal.FreeCoTaskMem);
            }
        }
    }

    /// <summary>What there are two functions for, the size and the bytes.</summary>
    private byte[] Result(nint program, string kind)
    {
        nuint size;
        Check(((delegate* unmanaged<nint, nuint*, int>)Export($"nvrtcGet{kind}Size"))(program, &size));
        var bytes = new byte[size];
        fixed (byte* first = bytes)
        {
            Check(((delegate* unmanaged<nint, byte*, int>)Export($"nvrtcGet{kind}"))(program, first));
        }

        return bytes;
    }

    /// <summary>libnvrtc.so.12, libnvrtc-8a2c1b4d.so.12, nvrtc64_120_0.dll; not what it loads itself.</summary>
    private static bool IsLibrary(string path) => Path.GetFileName(path) is var file
        && (file.StartsWith("libnvrtc.so", StringComparison.Ordinal)
            || file.StartsWith("libnvrtc-", StringComparison.Ordinal)
            || file.StartsWith("nvrtc64_", StringComparison.Ordinal))
        && !file.Contains("builtins", StringComparison.Ordinal)
        && !file.Contains(".alt.", StringComparison.Ordinal);

    private nint Export(string name) => NativeLibrary.TryGetExport(library, name, out var function)
        ? function
        : throw new CudaException($"NVRTC has no {name}; it is older than 11.2.");

    private static void Check(int code)
    {
        if (code != 0)
        {
            throw new CudaException($"NVRTC answers with error {code}.");
        }
    }
}
