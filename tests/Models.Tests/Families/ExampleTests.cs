using Marrow.Models;
using Xunit;

namespace Marrow.Tests.Families;

/// <summary>The examples with bases of several families: fine-tuned, saved, and talked to.</summary>
public sealed class ExampleTests
{
    private const int Llama3Ids = 128256, Qwen3Ids = 151936, Gpt2Ids = 50257;

    [Theory]
    [InlineData("llama3_1", "full")]
    [InlineData("qwen3", "bone-free")]
    [InlineData("gpt2", "lora")]
    public void Base_IsFineTunedAndTalksWithItsAdapter(string tokenizer, string method)
    {
        using var folder = new TemporaryFolder();
        var from = Directory.CreateDirectory(folder.File("base")).FullName;
        foreach (var file in Directory.GetFiles(SharedData.Require($"data/tokenizers/{tokenizer}")))
        {
            File.Copy(file, Path.Combine(from, Path.GetFileName(file)));
        }

        Create(tokenizer).SavePretrained(from);
        var (code, output, error) = ExampleProcess.Run("Marrow.FineTune.dll", [
            "--base", from, "--out", folder.File("out"), "--methods", method, "--steps", "2", "--batch", "2",
            "--test", "2", "--block-size", "4"]);
        Assert.True(code == 0, error);
        Assert.Contains("gives the same logits", output);

        var tuned = folder.File($"out/adapters/{method}");
        string[] arguments = method == "full" ? ["--base", tuned] : ["--base", from, "--adapter", tuned];
        (code, output, error) = ExampleProcess.Run(
            "Marrow.Chat.dll", [.. arguments, "--count", "3"], input: "Hello\n\n");
        Assert.True(code == 0, error);
        Assert.StartsWith("> ", output);
    }

    private static ICausalModel Create(string tokenizer) => tokenizer switch
    {
        "llama3_1" => new Models.Llama(
            Llama3Ids, 16, 24, 2, 4, 2, context: 512, ropeTheta: 500000, tied: true,
            rope: new Llama3Rope(8, 1, 4, 128)),
        "qwen3" => new Decoder(new(
            Qwen3Ids, 16, 24, 2, 4, 2, Context: 512, NormEps: 1e-6, RopeTheta: 1e6, Tied: true, Head: 8,
            QkNorms: true)),
        _ => new Gpt2(new(Gpt2Ids, 16, 2, 4, Context: 512)),
    };
}
