using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using static TorchSharp.torch;

namespace Marrow.Cuda.Emulation;

/// <summary>
/// CUDA on the CPU: g++ compiles the product's texts, and their functions run over memory of the host, thread by thread
/// in an order of chance. Blocks run one after another; what is right here because of that is not seen.
/// </summary>
/// <param name="edit">Changes a text before it is compiled.</param>
internal sealed unsafe partial class EmulatedDriver(Func<string, string>? edit = null) : ICudaDriver
{
    private const string Compiler = "g++";

    private static readonly string[] Sanitizer = IsSanitized
        ? ["-fsanitize=address", "-fsanitize-recover=address"]
        : [];

    private delegate int LaunchFunction(nint function, uint blocks, uint threads, void** arguments, uint order);

    private readonly Dictionary<nint, (string Name, LaunchFunction Launch)> functions = [];

    /// <summary>
    /// Whether each access of a kernel is checked, by AddressSanitizer, which the process has loaded before all else.
    /// </summary>
    public static bool IsSanitized => Environment.GetEnvironmentVariable("MARROW_SANITIZER") == "address";

    /// <summary>Whether there is a compiler, and a processor whose fibers the emulator can change.</summary>
    public static bool IsAvailable { get; } = OperatingSystem.IsLinux()
        && RuntimeInformation.ProcessArchitecture == Architecture.X64
        && (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(
            folder => File.Exists(Path.Combine(folder, Compiler)));

    /// <summary>The order in which warps and their threads go on.</summary>
    public uint Order { get; set; }

    public nint Load(KernelText text)
    {
        var folder = Directory.CreateTempSubdirectory("marrow-emulator-").FullName;
        try
        {
            return NativeLibrary.Load(Compile(text, folder));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    public nint Function(nint module, string name)
    {
        var function = NativeLibrary.GetExport(module, $"marrow_{name}");
        var launch = NativeLibrary.GetExport(module, "marrow_launch");
        functions[function] = (name, Marshal.GetDelegateForFunctionPointer<LaunchFunction>(launch));
        return function;
    }

    public DeviceStatus Status() => new("an emulated device", 3L << 30, 8L << 30);

    public void Launch(nint function, uint blocks, uint threads, void** arguments)
    {
        var (name, launch) = functions[function];
        var code = launch(function, blocks, threads, arguments, Order);
        if (code != 0)
        {
            var reason = code switch
            {
                1 => "there is no such grid",
                2 => "its threads wait for each other forever",
                3 => "it reaches beyond a tensor",
                _ => "it reads or writes a pack of entries at an address that is no multiple of the pack's size",
            };
            throw new CudaException($"The emulator cannot run {name}: {reason}.");
        }
    }

    /// <summary>Whole numbers as a device's product of bfloat16 has them; its speed and its exactness are not seen.
    /// </summary>
    public Tensor Multiply(Tensor a, Tensor b) => a.dtype == ScalarType.BFloat16 && b.dtype == ScalarType.BFloat16
        ? a.to(ScalarType.Float32).matmul(b.to(ScalarType.Float32))
        : throw new ArgumentException($"The product takes bfloat16, not {a.dtype} and {b.dtype}.");

    private string Compile(KernelText text, string folder)
    {
        foreach (var file in (string[])["host.h", "emulator.h"])
        {
            File.WriteAllText(Path.Combine(folder, file), Resource(file));
        }

        File.WriteAllText(Path.Combine(folder, KernelText.Header), Edited(KernelText.Resource(KernelText.Header)));
        var source = Edited(text.Source);
        var launchers = Kernel().Matches(source).Select(match => match.Groups[1].Value).Select(name =>
            $"extern \"C\" void marrow_{name}(void** values) {{ call({name}, values); }}\n");
        File.WriteAllText(
            Path.Combine(folder, "text.cpp"), $"{source}\n#include \"emulator.h\"\n{string.Concat(launchers)}");
        var library = Path.Combine(folder, "text.so");
        string[] arguments =
        [
            "-std=c++17", "-O1", "-ffp-contract=off", "-fno-strict-aliasing", "-fsanitize=alignment", "-w",
            "-shared", "-fPIC", "-DMARROW_HOST", .. Sanitizer,
            .. text.DefineList.Select(define => $"-D{define}"), Path.Combine(folder, "text.cpp"), "-o", library,
        ];
        using var process = Process.Start(new ProcessStartInfo(Compiler, arguments) { RedirectStandardError = true })!;
        var errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0
            ? library
            : throw new CudaException($"{Compiler} does not compile {text}: {errors}");
    }

    private string Edited(string text) => edit is null ? text : edit(text);

    private static string Resource(string file)
    {
        using var reader = new StreamReader(typeof(EmulatedDriver).Assembly.GetManifestResourceStream(file)!);
        return reader.ReadToEnd();
    }

    [GeneratedRegex(@"extern ""C"" __global__ void __launch_bounds__\([^)]*\) (\w+)\(")]
    private static partial Regex Kernel();
}
