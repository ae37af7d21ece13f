using System.Diagnostics;
using System.Text;
using Marrow.Cuda;
using Xunit;

namespace Marrow.Tests.Cuda;

/// <summary>
/// NVIDIA's own compilers over the kernel texts; they need no device. MARROW_CUDA_COMPILERS names a folder with NVRTC,
/// ptxas and the driver's library, which .ci/run fetches.
/// </summary>
public class CompilerTests
{
    private static readonly string[] Entries = [CudaEntry.Float, CudaEntry.Bfloat16, CudaEntry.Half];

    private static readonly IReadOnlyList<KernelText> Texts =
    [
        .. Entries.Select(CudaLsq.Text),
        .. Entries.Select(CudaLevels.Text),
        .. Entries.Select(CudaSoftmax.Text),
        .. from bits in (int[])[2, 3, 4, 8] from entry in Entries select CudaPacked.Text(entry, bits),
        CudaOscillation.Text(freezes: false),
        CudaOscillation.Text(freezes: true),
        .. Entries.Select(CudaStatsQ.Text),
        .. Entries.Select(CudaRmsNorm.Text),
        .. Entries.Select(CudaRotary.Text),
        .. Entries.Select(CudaCrossEntropy.Text),
        .. Entries.Select(CudaAdamW.Text),
        .. Entries.Select(CudaDropout.Text),
        .. from entry in Entries from tanh in (bool[])[false, true] select CudaGatedUnit.Text(entry, tanh),
        .. from size in (int[])[16, 32, 48, 64] select CudaWkv6.Text(size),
        .. from entry in (string[])[CudaEntry.Bfloat16, CudaEntry.Half]
           from block in CudaBone.Edges
           select CudaBone.Text(entry, block),
    ];

    public static TheoryData<string, int> Cases => new(from text in Texts
                                                       from architecture in (int[])[80, 90]
                                                       select (text.ToString(), architecture));

    [Fact]
    public void EveryText_IsCompiled() => Assert.Equal(
        typeof(KernelText).Assembly.GetManifestResourceNames().Where(name => name.EndsWith(".cu")).Order(),
        Texts.Select(text => $"{text.Name}.cu").Distinct().Order());

    [Theory]
    [MemberData(nameof(Cases))]
    public void Nvrtc_Compiles_WithoutSpills_Stack_OrDoubles(string name, int architecture)
    {
        var (text, nvrtc) = (Texts.Single(text => text.ToString() == name), new Nvrtc(Find("libnvrtc.so.*")));
        Assert.NotEmpty(nvrtc.Compile(text, $"sm_{architecture}"));
        var ptx = nvrtc.Compile(text, $"compute_{architecture}");
        Assert.DoesNotContain(".f64", Encoding.UTF8.GetString(ptx));
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder.File("text.ptx"), ptx.AsSpan().TrimEnd((byte)0));
        string[] arguments =
            ["-v", $"-arch=sm_{architecture}", folder.File("text.ptx"), "-o", folder.File("text.cubin")];
        var start = new ProcessStartInfo(Find("ptxas"), arguments) { RedirectStandardError = true };
        using var ptxas = Process.Start(start)!;
        var lines = ptxas.StandardError.ReadToEnd().Split('\n');
        ptxas.WaitForExit();
        Assert.Equal(0, ptxas.ExitCode);
        foreach (var line in lines.Where(line => line.Contains("Compiling") || line.Contains("registers")))
        {
            TestContext.Current.TestOutputHelper!.WriteLine($"{name}: {line}");
        }

        var memory = lines.Where(line => line.Contains("stack frame")).ToList();
        Assert.NotEmpty(memory);
        Assert.All(memory, line =>
            Assert.Equal("0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads", line.Trim()));
    }

    [Fact]
    public void AFault_HasItsLine()
    {
        var nvrtc = new Nvrtc(Find("libnvrtc.so.*"));
        var text = new KernelText("lsq", "ENTRY=nothing");
        Assert.Contains("lsq.cu(", Assert.Throws<CudaException>(() => nvrtc.Compile(text, "sm_80")).Message);
    }

    [Fact]
    public void TheDriver_WithoutADevice_SaysSo()
    {
        Assert.SkipWhen(File.Exists("/dev/nvidia0"), "there is a device");
        var library = Find("libcuda.so.1");
        Assert.Equal(
            "cuInit failed: no CUDA-capable device is detected (CUDA error 100).",
            Assert.Throws<CudaException>(() => CudaDriver.Open(0, library)).Message);
    }

    [Fact]
    public void ADriverThatIsNotThere_IsNamed() => Assert.Equal(
        "libcuda-of-nobody.so, NVIDIA's driver, does not load.",
        Assert.Throws<CudaException>(() => CudaDriver.Open(0, "libcuda-of-nobody.so")).Message);

    /// <summary>A file of the folder; skips the test where there is no folder.</summary>
    internal static string Find(string pattern)
    {
        var folder = Environment.GetEnvironmentVariable("MARROW_CUDA_COMPILERS");
        Assert.SkipWhen(string.IsNullOrEmpty(folder), "MARROW_CUDA_COMPILERS names no folder");
        return Directory.GetFiles(folder!, pattern, SearchOption.AllDirectories).Order().First();
    }
}
