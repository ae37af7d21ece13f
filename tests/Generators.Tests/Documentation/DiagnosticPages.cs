using Marrow.Generators.Analysis;
using Marrow.Generators.Tests.Harness;
using Xunit;

namespace Marrow.Generators.Tests.Documentation;

/// <summary>Every diagnostic has a page, and every test class of the rules has a test of it.</summary>
public class DiagnosticPages
{
    public static TheoryData<string> Ids =>
        [.. new ModelAnalyzer().SupportedDiagnostics.Select(descriptor => descriptor.Id)];

    [Theory]
    [MemberData(nameof(Ids))]
    public void Diagnostic_HasAPageWithCauseBadAndGoodCode(string id)
    {
        var page = Path.Combine(Repository.Root, "docs", "diagnostics", $"{id}.md");
        Assert.True(File.Exists(page), $"{page} is missing");
        var text = File.ReadAllText(page);
        Assert.StartsWith($"# {id}: ", text);
        Assert.Contains("## Wrong", text);
        Assert.Contains("## Right", text);
    }

    /// <summary>A source that a test checks marks a span with the id: <c>{|MRW101:BlockSize = 48|}</c>.</summary>
    [Theory]
    [MemberData(nameof(Ids))]
    public void Diagnostic_IsMarkedInATestedSource(string id)
    {
        var sources = Directory.GetFiles(
            Path.Combine(Repository.Root, "tests", "Generators.Tests", "Diagnostics"), "*.cs").Select(File.ReadAllText);
        Assert.Contains(sources, source => source.Contains($"{{|{id}:", StringComparison.Ordinal)
            || source.Contains($"Assert.Equal(\"{id}\", only.Id)", StringComparison.Ordinal));
    }

    [Fact]
    public void Page_WithoutDiagnostic_DoesNotExist() => Assert.Empty(
        Directory.GetFiles(Path.Combine(Repository.Root, "docs", "diagnostics"), "MRW*.md")
            .Select(Path.GetFileNameWithoutExtension)
            .Except(Ids.Select(row => row.Data)));
}
