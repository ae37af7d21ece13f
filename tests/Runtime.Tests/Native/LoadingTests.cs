using System.Diagnostics;
using Marrow.CompilerServices;
using Marrow.Native;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Native;

public sealed class LoadingTests
{
    private static readonly string Program = Path.Combine(AppContext.BaseDirectory,
        "Marrow.Runtime.Tests" + (OperatingSystem.IsWindows() ? ".exe" : ""));

    [Fact]
    public void Load_InTestProgram_ComputesMatmulAndGradient()
    {
        using var scope = NewDisposeScope();
        Assert.Null(NativeLibraries.Failure);
        var x = tensor(new float[] { 1, 2, 3, 4 }, [2, 2], requires_grad: true);
        var y = x.matmul(tensor(new float[] { 5, 6, 7, 8 }, [2, 2]));
        y.sum().backward();
        Assert.Equal([19, 22, 43, 50], y.data<float>().ToArray());
        Assert.Equal([11, 15, 11, 15], x.grad!.data<float>().ToArray());
    }

    [Theory]
    [InlineData("missing", "is not a folder")]
    [InlineData("empty", "is in none of")]
    [InlineData("damaged", "could not load")]
    public void Load_UnusableMarrowLibTorch_SaysSoOnceAndRunsOn(string kind, string expected)
    {
        using var folder = new TemporaryFolder();
        var libraries = folder.File("torch/lib");
        if (kind != "missing") Directory.CreateDirectory(libraries);
        if (kind == "damaged")
        {
            foreach (var name in (string[])["c10", "torch_cpu", "torch"])
                File.WriteAllText(Path.Combine(libraries, LibTorchLocation.FileName(name)), "not a library");
            File.WriteAllText(folder.File("torch/version.py"), "__version__ = '2.10.0+cpu'\n");
        }

        var (exit, _, errors) = Run("-list methods", ("MARROW_LIBTORCH", kind == "damaged" ? folder.Path : libraries));

        Assert.Equal(0, exit);
        Assert.Contains(expected, errors);
        Assert.Contains("what to do: ", errors);
        Assert.Equal(3, errors.Trim().Split('\n').Length);
        Assert.Equal(1, errors.Split("Marrow:").Length - 1);
    }

    [Fact]
    public void Load_OtherPyTorchVersion_WarnsWithBothVersions()
    {
        using var folder = new TemporaryFolder();
        LinkPackage(folder.File("torch/lib"));
        File.WriteAllText(folder.File("torch/version.py"), "__all__ = ['x']\n__version__ = '2.3.1+cu121'\n");

        var (exit, _, errors) =
            Run(Only(nameof(Load_InTestProgram_ComputesMatmulAndGradient)), ("MARROW_LIBTORCH", folder.Path));

        Assert.Equal(0, exit);
        Assert.Equal(1, errors.Split("Marrow:").Length - 1);
        Assert.Contains("2.3.1+cu121", errors);
        Assert.Contains(LibTorchLocation.ExpectedVersion, errors);
    }

    [Fact]
    public void Load_FittingPyTorchVersion_ComputesAndStaysSilent()
    {
        using var folder = new TemporaryFolder();
        LinkPackage(folder.File("torch/lib"));
        File.WriteAllText(folder.File("torch/version.py"), "__version__ = '2.10.0+cpu'\n");

        var (exit, _, errors) = Run(Only(nameof(Load_InTestProgram_ComputesMatmulAndGradient)),
            ("MARROW_LIBTORCH", folder.File("torch")));

        Assert.Equal((0, ""), (exit, errors));
    }

    [Fact]
    public void UseOfTorch_AfterFailedLoad_ThrowsTheReasonAndNothingElse()
    {
        using var folder = new TemporaryFolder();

        var (exit, output, _) =
            Run(Only(nameof(UseOfTorch_InAnyState_Adds)), ("MARROW_LIBTORCH", folder.File("absent")));

        Assert.Equal(1, exit); // one failed test, no crash
        Assert.Contains("System.DllNotFoundException", output);
        Assert.Contains("MARROW_LIBTORCH names no usable libtorch", output);
        Assert.DoesNotContain("doesn't contain a reference", output);
        Assert.False(Directory.Exists(Path.Combine(AppContext.BaseDirectory, "cpu")),
            "TorchSharp copied libtorch here");
    }

    [Fact]
    public void UseOfTorch_InAnyState_Adds()
    {
        using var one = ones(1);
        using var two = one + one;
        Assert.Equal(2f, two.item<float>());
    }

    [Theory]
    [InlineData("writable")]
    [InlineData("unwritable")]
    [InlineData("absent")]
    [InlineData("damaged")]
    public void Load_AnyCacheFolder_Computes(string cache)
    {
        using var folder = new TemporaryFolder();
        var path = folder.File("cache");
        // A file where the folder should be cannot be written to, not even by root.
        if (cache == "unwritable") File.WriteAllText(path, "");

        if (cache == "damaged")
        {
            Run("-list methods", ("XDG_CACHE_HOME", path));
            foreach (var copy in Directory.GetFiles(path, "*", SearchOption.AllDirectories)) File.WriteAllText(
                copy, "damaged");
        }

        var (exit, _, errors) =
            Run(Only(nameof(UseOfTorch_InAnyState_Adds)), ("XDG_CACHE_HOME", cache == "absent" ? null : path),
            ("HOME", cache == "absent" ? null : path), ("TMPDIR", folder.Path));

        Assert.Equal((0, ""), (exit, errors));
        Assert.Empty(Directory.GetDirectories(folder.Path, "marrow-*"));
    }

    [Fact]
    public void Load_TwoProcessesAndAnEmptyCache_BothCompute()
    {
        using var folder = new TemporaryFolder();
        var results = new (int Exit, string Output, string Errors)[2];
        Parallel.For(0, 2, i =>
            results[i] = Run(Only(nameof(UseOfTorch_InAnyState_Adds)), ("XDG_CACHE_HOME", folder.Path)));
        Assert.All(results, result => Assert.Equal((0, ""), (result.Exit, result.Errors)));
        Assert.Empty(Directory.GetFiles(folder.Path, "*.tmp", SearchOption.AllDirectories));
    }

    [Fact]
    public void Load_NoWritableFolderAtAll_SaysSoOrNeedsNone()
    {
        using var folder = new TemporaryFolder();
        var file = folder.File("file");
        File.WriteAllText(file, "");
        var (exit, _, errors) = Run("-list methods", ("XDG_CACHE_HOME", file), ("TMPDIR", file));
        Assert.Equal(0, exit);
        // Where libstdc++ is new enough, the library is loaded in place.
        if (OperatingSystem.IsLinux() && !LibStdCpp.HasIostreamInit())
            Assert.Contains("make the cache or the temporary folder writable", errors);
        else Assert.Equal("", errors);
    }

    private static string Only(string test) => $"-method *.{test} -noColor";

    /// <summary>
    /// A folder as PyTorch's torch/lib, holding links to the libtorch that this program was built with.
    /// </summary>
    private static void LinkPackage(string libraries)
    {
        Directory.CreateDirectory(libraries);
        foreach (var file in Directory.GetFiles((string)AppContext.GetData("Marrow.LibTorch")!))
            File.CreateSymbolicLink(Path.Combine(libraries, Path.GetFileName(file)), file);
    }

    private static (int Exit, string Output, string Errors) Run(
        string arguments, params (string Name, string? Value)[] environment)
    {
        var start = new ProcessStartInfo(Program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in environment) start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, errors.Result.Trim());
    }
}
