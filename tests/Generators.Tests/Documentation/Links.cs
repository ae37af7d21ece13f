using System.Text.RegularExpressions;
using Marrow.Generators.Tests.Harness;
using Xunit;

namespace Marrow.Generators.Tests.Documentation;

/// <summary>What a page links to in the repository is there.</summary>
public partial class Links
{
    [Fact]
    public void Pages_LinkToFilesThatExist()
    {
        var pages = Directory.GetFiles(Repository.Root, "*.md").Concat(
            Directory.GetFiles(Path.Combine(Repository.Root, "docs"), "*.md", SearchOption.AllDirectories));
        var broken =
            from page in pages
            from Match link in Target().Matches(File.ReadAllText(page))
            let target = link.Groups[1].Value
            where !target.Contains("://", StringComparison.Ordinal)
                && !Path.Exists(Path.Combine(Path.GetDirectoryName(page)!, target))
            select $"{Path.GetRelativePath(Repository.Root, page)}: {target}";
        Assert.Empty(broken);
    }

    [GeneratedRegex(@"\]\(([^)#\s]+)[^)]*\)")]
    private static partial Regex Target();
}
