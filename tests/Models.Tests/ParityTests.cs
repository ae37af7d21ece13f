using Marrow.Parity;
using Xunit;

namespace Marrow.Tests;

/// <summary>The parity runner on the reference files and model folders of the methods that exist.</summary>
public class ParityTests
{
    [Theory]
    [InlineData("bone_bat_row")]
    [InlineData("bone_bat_col")]
    [InlineData("bone_free")]
    [InlineData("miss_mini")]
    [InlineData("lora")]
    [InlineData("dora")]
    [InlineData("pissa")]
    [InlineData("olora")]
    [InlineData("lora_ga")]
    [InlineData("lora_plus")]
    [InlineData("llama")]
    [InlineData("rwkv6")]
    public void ReferenceFile_IsReproduced(string name)
    {
        var file = SharedData.Require($"reference/{name}.safetensors");
        using var folder = new TemporaryFolder();
        File.Copy(file, Path.Combine(folder.Path, $"{name}.safetensors"));
        Expect(ParityRun.Run(folder.Path, bases: null, TextWriter.Null), 1);
    }

    [Fact]
    public void ModelFolders_AreReproduced() =>
        Expect(ParityRun.Run(SharedData.Require("data/weights"), bases: null, TextWriter.Null), 3);

    [Fact]
    public void AdapterFolders_AreReproduced() => Expect(
        ParityRun.Run(SharedData.Require("data/adapters"), SharedData.Require("data/weights"), TextWriter.Null), 3);

    [Fact]
    public void UnknownMethod_Fails()
    {
        using var folder = new TemporaryFolder();
        Marrow.Checkpoints.SafetensorsWriter.Write(
            folder.File("novel.safetensors"),
            [("c0.x", TorchSharp.torch.ones(1))],
            new Dictionary<string, string> { ["fixture"] = "novel", ["case_count"] = "1" });
        var result = Assert.Single(ParityRun.Run(folder.Path, bases: null, TextWriter.Null));
        Assert.False(result.Pass);
        Assert.Contains("novel", result.Problem);
    }

    private static void Expect(IReadOnlyList<FileResult> results, int count)
    {
        Assert.Equal(count, results.Count);
        Assert.All(results, result =>
        {
            var failed = result.Comparisons.Where(comparison => !comparison.Pass);
            Assert.True(result.Pass, $"{result.File}: {result.Problem} {string.Join("; ", failed)}");
        });
    }
}
