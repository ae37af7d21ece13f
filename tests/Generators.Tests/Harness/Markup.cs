using System.Collections.Immutable;
using Marrow.Generators.Analysis;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Text;
using Xunit;

namespace Marrow.Generators.Tests.Harness;

/// <summary>
/// Sources with expected diagnostics marked in place: <c>{|MRW101:BlockSize = 48|}</c>. The analyzer must report
/// exactly these, on exactly these spans.
/// </summary>
internal static class Markup
{
    /// <summary>Runs generator and analyzer and compares with the marks.</summary>
    /// <returns>Marrow's diagnostics in order of position.</returns>
    public static async Task<IReadOnlyList<Diagnostic>> Check(string marked, params MetadataReference[] more)
    {
        var (source, expected) = Parse(marked);
        var found = await Analyze(TestCompilation.Create(source, more));
        Assert.Equal(
            expected.Select(mark =>
                $"{mark.Id} on '{source.Substring(mark.Span.Start, mark.Span.Length)}' at {mark.Span}"),
            found.Select(diagnostic =>
            {
                var span = diagnostic.Location.SourceSpan;
                return $"{diagnostic.Id} on '{source.Substring(span.Start, span.Length)}' at {span}";
            }));
        return found;
    }

    /// <summary>Marrow's diagnostics for a compilation as the compiler would show them, pragmas applied.</summary>
    public static async Task<IReadOnlyList<Diagnostic>> Analyze(CSharpCompilation compilation)
    {
        var token = TestContext.Current.CancellationToken;
        TestCompilation.Driver().RunGeneratorsAndUpdateCompilation(
            compilation, out var output, out var problems, token);
        Assert.All(problems, problem => Assert.Equal("MRW001", problem.Id)); // where nothing can be emitted
        var diagnostics = await output
            .WithAnalyzers([new ModelAnalyzer()], options: null)
            .GetAnalyzerDiagnosticsAsync(token);
        Assert.DoesNotContain(diagnostics, diagnostic => diagnostic.Id == "AD0001");
        return [.. diagnostics.Concat(problems)
            .Where(diagnostic => !diagnostic.IsSuppressed)
            .OrderBy(diagnostic => diagnostic.Location.SourceSpan.Start)];
    }

    private static (string Source, ImmutableArray<(string Id, TextSpan Span)> Marks) Parse(string marked)
    {
        var marks = ImmutableArray.CreateBuilder<(string, TextSpan)>();
        var source = marked;
        while (source.IndexOf("{|", StringComparison.Ordinal) is >= 0 and var start)
        {
            var colon = source.IndexOf(':', start);
            var end = source.IndexOf("|}", start, StringComparison.Ordinal);
            var (id, text) = (source[(start + 2)..colon], source[(colon + 1)..end]);
            source = source[..start] + text + source[(end + 2)..];
            marks.Add((id, new TextSpan(start, text.Length)));
        }

        return (source, marks.ToImmutable());
    }
}
