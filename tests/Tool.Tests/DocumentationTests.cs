using System.Text.RegularExpressions;
using Marrow.Tests.Tool.Harness;
using Xunit;

namespace Marrow.Tests.Tool;

/// <summary>The pages of docs about the tool: their commands run, and print what stands there.</summary>
public sealed class DocumentationTests
{
    /// <summary>What a page of docs shows: <c>$ marrow …</c> with its output, where … stands for anything.</summary>
    [Theory]
    [InlineData("tool.md")]
    [InlineData("finetune.md")]
    public void Commands_PrintWhatTheGuideShows(string page)
    {
        using var folder = new TemporaryFolder();
        Copy(SharedData.Require("data/weights/babyllama105-hf"), folder.File("babyllama"));
        Copy(SharedData.Require("data/adapters/lora"), folder.File("adapter"));
        File.WriteAllLines(folder.File("sums.jsonl"), Enumerable.Range(1, 40).Select(i =>
            $$"""{"question":"What is {{i}} + 1?","answer":"{{i}} + 1 = {{i + 1}}\n#### {{i + 1}}"}"""));
        var guide = File.ReadAllText(Path.Combine(Repository(), "docs", page));
        var blocks = Regex.Matches(guide, "```console\n(.*?)```", RegexOptions.Singleline);
        Assert.NotEmpty(blocks);
        var before = Environment.CurrentDirectory;
        Environment.CurrentDirectory = folder.Path;
        try
        {
            foreach (var shown in blocks.SelectMany(block => block.Groups[1].Value.Split("$ marrow ")[1..]))
            {
                var lines = shown.Split('\n', 2);
                var printed = Call.Succeeds(lines[0].Split(' '));
                var pattern = string.Join(".*", lines[1].Trim().Split('…').Select(Regex.Escape));
                Assert.True(
                    Regex.IsMatch(printed.Trim(), $@"\A{pattern}\z", RegexOptions.Singleline),
                    $"marrow {lines[0]}\n{printed}\nis not what docs/{page} shows:\n{lines[1]}");
            }
        }
        finally
        {
            Environment.CurrentDirectory = before;
        }
    }

    private static string Repository()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory.FullName, "Marrow.slnx")))
        {
            directory = directory.Parent!;
        }

        return directory.FullName;
    }

    private static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var file in Directory.EnumerateFiles(from))
        {
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
        }
    }
}
