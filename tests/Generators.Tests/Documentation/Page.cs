using System.Text.RegularExpressions;

namespace Marrow.Generators.Tests.Documentation;

/// <summary>A page of the documentation, and the C# in it.</summary>
/// <remarks>
/// A comment before a block says what readers need not see: <c>given Tensor ids, TextBatches batches</c> are names that
/// the block uses and does not make; <c>reports MRW101</c> is what the analyzer says of it; <c>not compiled: …</c> says
/// why it is no program.
/// </remarks>
internal static partial class Page
{
    /// <summary>The blocks of a page in their order, those that are no program aside.</summary>
    public static IEnumerable<Snippet> Snippets(string text) =>
        from Match match in Block().Matches(text)
        let comment = match.Groups["comment"].Value
        where !comment.StartsWith("not compiled: ", StringComparison.Ordinal)
        select new Snippet(
            text.AsSpan(0, match.Index).Count('\n') + 1,
            After("given ", comment),
            After("reports ", comment),
            match.Groups["code"].Value);

    private static string After(string word, string comment) =>
        comment.StartsWith(word, StringComparison.Ordinal) ? comment[word.Length..] : "";

    [GeneratedRegex(
        @"(?:<!-- (?<comment>[^\n]+(?:\n[^\n]+)*?) -->\n+)?```csharp\n(?<code>.*?)```", RegexOptions.Singleline)]
    private static partial Regex Block();
}

/// <summary>A block of C#.</summary>
/// <param name="Line">Where it begins.</param>
/// <param name="Given">Names with their types that it uses, as parameters.</param>
/// <param name="Reports">The diagnostic that is reported in it; empty for none.</param>
/// <param name="Code">The block.</param>
internal sealed record Snippet(int Line, string Given, string Reports, string Code);
