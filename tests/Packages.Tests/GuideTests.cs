using System.Text.RegularExpressions;
using Xunit;

namespace Marrow.Tests.Packages;

/// <summary>The first guide, done as a reader would.</summary>
public sealed partial class GuideTests(PackedMarrow packed)
{
    private readonly string folder = packed.Project();

    /// <summary>Files are written and commands run in the order in which the page has them.</summary>
    [Fact]
    public void GettingStarted_WorksAsWritten()
    {
        var (directory, output) = (folder, "");
        foreach (Match block in Block().Matches(File.ReadAllText(PackedMarrow.InRepository("docs/getting-started.md"))))
        {
            if (block.Groups["file"] is { Success: true, Value: var file })
            {
                Append(Path.Combine(directory, file), block.Groups["code"].Value);
                continue;
            }

            var commands = block.Groups["commands"].Value.Trim();
            foreach (var command in commands.Split(["\n", " && "], StringSplitOptions.None))
            {
                (directory, output) = command.StartsWith("cd ", StringComparison.Ordinal)
                    ? (Path.Combine(directory, command["cd ".Length..]), output)
                    : (directory, DotNet(directory, command["dotnet ".Length..]));
            }
        }

        Assert.Contains("Network: 4,481 parameters", output);
        Assert.Contains("Bone row, block 16", output);
        Assert.True(File.Exists(Path.Combine(directory, "adapter/adapter_config.json")));
        Assert.True(File.Exists(Path.Combine(directory, "merged/model.safetensors")));
    }

    /// <summary>A page adds to its own files; what a template put there goes.</summary>
    private void Append(string file, string code)
    {
        var own = File.Exists(file) && !File.ReadAllText(file).Contains("Hello, World!", StringComparison.Ordinal)
            ? File.ReadAllText(file) + "\n"
            : "";
        File.WriteAllText(file, own + code);
    }

    private string DotNet(string directory, string arguments)
    {
        var adds = arguments.StartsWith("add package", StringComparison.Ordinal);
        var (code, text) = PackedMarrow.Run(directory, arguments + (adds ? $" --version {packed.Version}" : ""));
        Assert.True(code == 0, text);
        return text;
    }

    [GeneratedRegex(
        @"<!-- file (?<file>\S+) -->\n+```csharp\n(?<code>.*?)```|```sh\n(?<commands>.*?)```", RegexOptions.Singleline)]
    private static partial Regex Block();
}
