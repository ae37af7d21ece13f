using Xunit;

namespace Marrow.Tests.Examples;

/// <summary>The chat as its user runs it.</summary>
public sealed class ChatTests
{
    [Fact]
    public void Chat_AnswersWithABaseAndWithItsAdapters()
    {
        var folder = SharedData.Require("data/weights/babyllama105-hf");
        var answers = new HashSet<string>();
        foreach (var adapter in (string?[])[null, "lora", "miss", "bone_bat"])
        {
            string[] more = adapter is null ? [] : ["--adapter", SharedData.Require($"data/adapters/{adapter}")];
            string[] arguments = ["--base", folder, "--count", "20", .. more];
            var (code, output, error) = ExampleProcess.Run("Marrow.Chat.dll", arguments, input: "Once upon a time\n\n");
            Assert.True(code == 0, error);
            Assert.StartsWith("> ", output, StringComparison.Ordinal);
            Assert.True(answers.Add(output), $"{adapter} answers as another does: {output}");
        }
    }

    [Fact]
    public void Chat_WithAGgufFile_LetsLlamaCppSayTheSame()
    {
        var source = SharedData.Require("data/weights/babyllama105-hf");
        using var folder = new TemporaryFolder();
        var (code, output, error) = ExampleProcess.Run(
            "Marrow.Chat.dll",
            ["--base", source, "--template", "plain", "--count", "20", "--gguf", folder.File("model.gguf")],
            input: "Once upon a time\n\n");
        Assert.True(code == 0, error);
        var lines = output.Split('\n');
        Assert.Equal(lines[0][2..], lines[2]);
        Assert.Matches(@"\[Marrow: 20 tokens, [\d.]+ a second\]", lines[1]);
        Assert.Matches(@"\[llama.cpp: 20 tokens, [\d.]+ a second\]", lines[3]);

        File.WriteAllText(folder.File("bad.gguf"), "GGUF");
        (code, _, error) = ExampleProcess.Run(
            "Marrow.Chat.dll", ["--base", source, "--gguf", folder.File("bad.gguf")], input: "\n");
        Assert.Equal(1, code);
        Assert.Contains("llama.cpp cannot load it", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Chat_WithoutAModel_SaysSo()
    {
        using var folder = new TemporaryFolder();
        var (code, _, error) = ExampleProcess.Run("Marrow.Chat.dll", ["--base", folder.Path]);
        Assert.Equal(1, code);
        Assert.Contains("the folder is empty; name a folder", error, StringComparison.Ordinal);
        (code, _, error) = ExampleProcess.Run("Marrow.Chat.dll", ["--base", folder.File("nope")]);
        Assert.Equal(1, code);
        Assert.Contains("there is no such file or folder", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Plans_AreThoseOfThePaper()
    {
        var (code, output, _) = ExampleProcess.Run("Marrow.Plans.dll", []);
        Assert.Equal(0, code);
        Assert.All((string[])["87,031,808", "89,948,160", "55,050,240", "88,080,384"], count =>
            Assert.Contains(count, output, StringComparison.Ordinal));
    }
}
