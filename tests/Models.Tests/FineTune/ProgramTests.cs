using System.Text.Json.Nodes;
using Xunit;

namespace Marrow.Tests.FineTune;

/// <summary>The example as its user runs it: arguments in, exit code, messages and files out.</summary>
public sealed class ProgramTests
{
    [Fact]
    public void Run_TinySettings_WritesResultsPictureAndAdapters()
    {
        using var folder = new TemporaryFolder();
        var json = folder.File("results.json");
        string[] tiny = ["--steps", "2", "--pretrain-steps", "2", "--batch", "2", "--test", "2", "--out", folder.Path, "--json", json];
        var (code, output, error) = Run([.. tiny, "--methods", "bone-row,bone-column,bone-free,lora,full"]);
        Assert.True(code == 0, output + error);
        var results = JsonNode.Parse(File.ReadAllText(json))!;
        Assert.Equal(("generated", 1), (results["data"]!.GetValue<string>(), results["seed"]!.GetValue<int>()));
        Assert.Equal(
            ["bone-row", "bone-column", "bone-free", "lora", "full"],
            results["methods"]!.AsArray().Select(method => method!["method"]!.GetValue<string>()));
        Assert.All(results["methods"]!.AsArray(), method =>
        {
            Assert.All((string[])["trainable", "lossFirst", "lossLast", "msPerStep"], field => Assert.True(method![field]!.GetValue<double>() > 0));
            Assert.InRange(method!["accuracy"]!.GetValue<double>(), 0, 1);
        });
        Assert.All((string[])["bone-row", "bone-column", "bone-free", "lora"], method =>
            Assert.True(File.Exists(folder.File($"adapters/{method}/adapter_model.safetensors"))));
        Assert.True(File.Exists(folder.File("adapters/full/model.safetensors")));
        Assert.Equal([0x89, (byte)'P', (byte)'N', (byte)'G'], File.ReadAllBytes(folder.File("loss.png"))[..4]);
        Assert.Equal(5, output.Split("gives the same logits").Length - 1);

        // The base of the first run serves the second, by its settings and as a folder like any other.
        Assert.Contains("pretrained by an earlier run", Run([.. tiny, "--methods", "full"]).Output, StringComparison.Ordinal);
        Assert.Equal(0, Run([.. tiny, "--methods", "full", "--base", folder.File("base")]).Code);
    }

    [Theory]
    [InlineData("--methods", "bone-row,nope", "--methods knows only bone-row, bone-column, bone-free, lora, full, not 'bone-row,nope'.")]
    [InlineData("--methods", ",", "--methods needs at least one of")]
    [InlineData("--steps", "0", "--steps must be at least 1, not '0'.")]
    [InlineData("--steps", "many", "'many'")]
    [InlineData("--learning-rate", "-1", "--learning-rate must be above 0 and at most 1, not '-1'.")]
    [InlineData("--device", "tpu", "'tpu'")]
    [InlineData("--base", "no-such-folder", "config.json: it cannot be read")]
    public void Run_BadOption_SaysWhichAndWhy(string option, string value, string expected)
    {
        var (code, _, error) = Run([option, value]);
        Assert.Equal(1, code);
        Assert.Contains(expected, error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
    }

    private static (int Code, string Output, string Error) Run(string[] arguments) => ExampleProcess.Run("Marrow.FineTune.dll", arguments);
}
