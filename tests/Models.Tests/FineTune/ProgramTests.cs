using System.Text.Json.Nodes;
using Xunit;

namespace Marrow.Tests.FineTune;

/// <summary>The example as its user runs it: arguments in, exit code, messages and files out.</summary>
public sealed class ProgramTests
{
    [Theory]
    [InlineData("llama")]
    [InlineData("rwkv6")]
    public void Run_TinySettings_WritesResultsPictureAndAdapters(string model)
    {
        string[] methods = ["full", "lora", "lora+", "pissa", "olora", "lora-ga", "dora", "bone-row", "bone-column",
            "bone-free"];
        using var folder = new TemporaryFolder();
        var json = folder.File("results.json");
        string[] tiny = ["--steps", "2", "--pretrain-steps", "2", "--batch", "2", "--test", "2", "--out", folder.Path,
            "--json", json, "--model", model];
        var (code, output, error) = Run(tiny);
        Assert.True(code == 0, output + error);
        var results = JsonNode.Parse(File.ReadAllText(json))!;
        Assert.Equal(("generated", model), (results["data"]!.GetValue<string>(), results["model"]!.GetValue<string>()));
        Assert.Equal(1, results["seed"]!.GetValue<int>());
        Assert.Equal(methods, results["methods"]!.AsArray().Select(method => method!["method"]!.GetValue<string>()));
        Assert.All(results["methods"]!.AsArray(), method =>
        {
            Assert.All((string[])["trainable", "lossFirst", "lossLast", "heldOutLoss", "msPerStep"], field =>
                Assert.True(method![field]!.GetValue<double>() > 0));
            Assert.InRange(method!["accuracy"]!.GetValue<double>(), 0, 1);
        });
        Assert.All(methods[1..], method =>
            Assert.True(File.Exists(folder.File($"adapters/{method}/adapter_model.safetensors"))));
        Assert.True(File.Exists(folder.File("adapters/full/model.safetensors")));
        var report = File.ReadAllText(folder.File("report.html"));
        Assert.All(methods, method => Assert.Contains($">{method}<", report));
        Assert.Contains("--project examples/FineTune -- --steps 2", report);
        Assert.DoesNotContain("NaN", output);
        Assert.Equal([0x89, (byte)'P', (byte)'N', (byte)'G'], File.ReadAllBytes(folder.File("loss.png"))[..4]);
        Assert.Equal(9, output.Split("gives the same logits").Length - 1);

        // The base of the first run serves the second, by its settings and as a folder like any other.
        Assert.Contains("pretrained by an earlier run", Run([.. tiny, "--methods", "full"]).Output,
            StringComparison.Ordinal);
        Assert.Equal(0, Run([.. tiny, "--methods", "full", "--base",
            folder.File(model == "llama" ? "base" : "base-rwkv6"), "--seeds", "1", "2"]).Code);
    }

    [Fact]
    public void Run_KilledAndRepeated_EndsWithTheSameAdapterBitForBit()
    {
        using var folder = new TemporaryFolder();
        string[] Arguments(string name) =>
            ["--steps", "300", "--pretrain-steps", "2", "--batch", "2", "--test", "2", "--methods", "pissa", "--out",
                folder.File(name)];
        Assert.Equal(0, Run(Arguments("whole")).Code);

        // Killed three times, at moments that nothing chooses, once there is a state to go on from.
        var state = Path.Combine(folder.File("killed"), "state", "pissa-1.safetensors");
        var random = new Random(1);
        for (var kill = 0; kill < 3; kill++)
        {
            using var process = ExampleProcess.Start("Marrow.FineTune.dll", Arguments("killed"));
            var before = File.Exists(state) ? File.GetLastWriteTimeUtc(state) : DateTime.MinValue;
            while (!process.HasExited
                && !(File.Exists(state) && File.GetLastWriteTimeUtc(state) > before)) Thread.Sleep(5);
            Thread.Sleep(random.Next(60));
            process.Kill();
            process.WaitForExit();
        }

        var (code, output, error) = Run(Arguments("killed"));
        Assert.True(code == 0, error);
        Assert.Contains("pissa: goes on after step", output, StringComparison.Ordinal);
        Assert.Equal(
            File.ReadAllBytes(folder.File("whole/adapters/pissa/adapter_model.safetensors")),
            File.ReadAllBytes(folder.File("killed/adapters/pissa/adapter_model.safetensors")));
        Assert.False(Directory.Exists(Path.GetDirectoryName(state)));
    }

    [Theory]
    [InlineData(
        "--methods",
        "bone-row,nope",
        "--methods knows only full, lora, lora+, pissa, olora, lora-ga, dora, bone-row, bone-column, bone-free, "
        + "not 'bone-row,nope'.")]
    [InlineData("--methods", ",", "--methods needs at least one of")]
    [InlineData("--steps", "0", "--steps must be at least 1, not '0'.")]
    [InlineData("--steps", "many", "'many'")]
    [InlineData("--learning-rate", "-1", "--learning-rate must be above 0 and at most 1, not '-1'.")]
    [InlineData("--device", "tpu", "'tpu'")]
    [InlineData("--model", "gpt", "'gpt'")]
    [InlineData("--data", "no-such-file", "no-such-file: it cannot be read")]
    [InlineData("--base", "no-such-folder", "no-such-folder: there is no such file or folder")]
    [InlineData("--context", "2", "--context 2 holds none of the texts")]
    [InlineData("--json", "/", "/: it is a folder, and a file is to be written")]
    [InlineData("--out", "/dev/null/out", "/dev/null/out: it cannot be written")]
    public void Run_BadOption_SaysWhichAndWhy(string option, string value, string expected)
    {
        var (code, _, error) = Run([option, value]);
        Assert.Equal(1, code);
        Assert.Contains(expected, error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Run_BlockThatDoesNotFit_IsRefusedBeforeAnyTraining()
    {
        using var folder = new TemporaryFolder();
        string[] tiny = ["--pretrain-steps", "2", "--batch", "2", "--out", folder.Path];
        var (code, output, error) = Run([.. tiny, "--block-size", "48"]);
        Assert.Equal(1, code);
        Assert.Contains("bone-row does not fit this base: [Bone] BlockSize 48 does not divide", error);
        Assert.DoesNotContain("The base solves", output);
    }

    private static (int Code, string Output, string Error) Run(string[] arguments) =>
        ExampleProcess.Run("Marrow.FineTune.dll", arguments);
}
