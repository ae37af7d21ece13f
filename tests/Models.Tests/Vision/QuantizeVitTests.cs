using System.Text.Json.Nodes;
using Marrow.Tests;
using Xunit;

namespace Marrow.Models.Tests.Vision;

/// <summary>The example as its user runs it: arguments in, exit code, messages and files out.</summary>
public sealed class QuantizeVitTests
{
    [Fact]
    public void Run_TinySettings_WritesResultsPicturesAndModels()
    {
        using var folder = new TemporaryFolder();
        var json = folder.File("results.json");
        var (code, output, error) = Run(
            ["--image", "8", "--teacher-steps", "2", "--steps", "2", "--annealing-steps", "2", "--batch", "4", "--bits",
                "3", "--out", folder.Path, "--json", json, "--log", folder.File("log")]);
        Assert.True(code == 0, output + error);
        var results = JsonNode.Parse(File.ReadAllText(json))!;
        Assert.InRange(results["teacherTop1"]!.GetValue<double>(), 0, 1);
        Assert.Equal(
            ["lsq", "statsq", "statsq+qkr", "statsq+qkr+cga"],
                results["runs"]!.AsArray().Select(run => run!["method"]!.GetValue<string>()));
        Assert.All(results["runs"]!.AsArray(), run =>
        {
            Assert.Equal((3, 1), (run!["bits"]!.GetValue<int>(), run["seed"]!.GetValue<int>()));
            Assert.InRange(run["top1"]!.GetValue<double>(), 0, 1);
            Assert.InRange(run["oscillating"]!.GetValue<double>(), 0, 1);
            Assert.True(run["msPerStep"]!.GetValue<double>() > 0);
            Assert.Equal(new FileInfo(folder.File($"seed1/{run["method"]!.GetValue<string>()}.safetensors")).Length,
                run["modelBytes"]!.GetValue<long>());
        });
        Assert.All((string[])["oscillation.png", "latent-weights.png"], name =>
            Assert.Equal([0x89, (byte)'P', (byte)'N', (byte)'G'], File.ReadAllBytes(folder.File(name))[..4]));
        var report = File.ReadAllText(folder.File("report.html"));
        Assert.All((string[])["Oscillation", "Latent weights", "statsq+qkr+cga", "--teacher-steps 2"], part =>
            Assert.Contains(part, report));
        Assert.NotEmpty(Directory.GetFiles(folder.File("log"), "*", SearchOption.AllDirectories));
    }

    [Theory]
    [InlineData("--bits", "1", "--bits must be at least 2 and at most 8, not '1'.")]
    [InlineData("--steps", "0", "--steps must be at least 1, not '0'.")]
    [InlineData("--image", "30", "--image 30 is no multiple of the 4 pixels of a patch; use 28 or 32.")]
    [InlineData("--format", "png", "'png'")]
    [InlineData("--data", "no-such-folder", "no-such-folder: cannot be read")]
    public void Run_BadOption_SaysWhichAndWhy(string option, string value, string expected)
    {
        var (code, _, error) = Run([option, value]);
        Assert.Equal(1, code);
        Assert.Contains(expected, error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
    }

    private static (int Code, string Output, string Error) Run(string[] arguments) =>
        ExampleProcess.Run("Marrow.QuantizeVit.dll", arguments);
}
