using System.Diagnostics;
using Marrow.CompilerServices;
using Marrow.Cuda;
using Marrow.Cuda.Emulation;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Cuda;

/// <summary>
/// The kernels' tests once more with AddressSanitizer, in a process that has it loaded before all else, so that it
/// watches over libtorch's memory.
/// </summary>
public class SanitizerTests
{
    private const string Name = "MARROW_SANITIZER", Value = "address", Library = "libasan.so";

    // Faults are the kernels' alone: .NET handles its own signals, and libtorch frees by other functions than it takes.
    private const string Options = "halt_on_error=0:detect_leaks=0:alloc_dealloc_mismatch=0:handle_segv=0"
        + ":handle_abort=0:handle_sigbus=0:handle_sigfpe=0:use_sigaltstack=0:detect_stack_use_after_return=0"
        + ":log_path=/dev/null";

    [Fact]
    public void Kernels_StayWithinTheirTensors() => Pass("-class", "*KernelTests");

    /// <summary>That the sanitizer watches: a bound is taken out, and a row begins where the last one ends.</summary>
    [Fact]
    public void AnOverrun_IsSeen()
    {
        if (!EmulatedDriver.IsSanitized)
        {
            Pass("-method", $"{GetType().FullName}.{nameof(AnOverrun_IsSeen)}");
            return;
        }

        AssertSeen("marrow.cuh", "if (c + i < columns) entries", "entries");
        AssertSeen("marrow.cuh", "if (c + i < columns) row", "row");
        AssertSeen("lsq", "if (row >= rows) return;", "");
    }

    private static void AssertSeen(string text, string part, string other)
    {
        var whole = KernelText.Resource(text.Contains('.') ? text : $"{text}.cu");
        Assert.Contains(part, whole);
        var mutant = new EmulatedDriver(source => source == whole ? source.Replace(part, other) : source);
        using var scope = NewDisposeScope();
        using var cuda = CudaKernels.OnTheCpu(mutant);
        var fault = Assert.Throws<CudaException>(() =>
            ActivationLevels.Of(randn(3, 7), ones(1), null, LevelRange.Signed(2)));
        Assert.EndsWith("it reaches beyond a tensor.", fault.Message);
    }

    /// <summary>Runs tests in the process that has the sanitizer; all must pass.</summary>
    private static void Pass(params string[] tests)
    {
        KernelHost.RequireEmulator();
        var library = Output("g++", [$"-print-file-name={Library}"]).Trim();
        Assert.SkipUnless(Path.IsPathFullyQualified(library), $"g++ has no {Library}");
        var start = new ProcessStartInfo(Environment.ProcessPath!, [.. tests, "-noColor"])
        {
            RedirectStandardOutput = true,
            Environment = { [Name] = Value, ["LD_PRELOAD"] = library, ["ASAN_OPTIONS"] = Options },
        };
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, output);
        Assert.Contains("Failed: 0, Skipped: 0", output);
        Assert.DoesNotContain("Total: 0,", output);
    }

    private static string Output(string program, string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return output;
    }
}
