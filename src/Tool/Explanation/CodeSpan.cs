using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Marrow.Tool.Explanation;

/// <summary>What a piece of code is, for its color.</summary>
internal enum CodeKind
{
    /// <summary>Punctuation, names of variables.</summary>
    Plain,

    /// <summary>Words of the language.</summary>
    Keyword,

    /// <summary>Names of types and of what is capitalized like them.</summary>
    Name,

    /// <summary>Names that are called.</summary>
    Call,

    /// <summary>Texts and numbers.</summary>
    Literal,

    /// <summary>Comments and directives.</summary>
    Comment,
}

/// <summary>A piece of code of one color. It is told from its words alone, so fragments have colors too.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Text">Its text.</param>
internal readonly record struct CodeSpan(CodeKind Kind, string Text)
{
    private static readonly HashSet<string> ContextualWords =
        ["var", "partial", "get", "set", "init", "record", "nameof"];

    /// <summary>The pieces of some code, in their order; together they are the code.</summary>
    public static IEnumerable<CodeSpan> Of(string code)
    {
        var tokens = SyntaxFactory.ParseTokens(code).ToList();
        foreach (var (i, token) in tokens.Index())
        {
            foreach (var trivia in token.LeadingTrivia)
            {
                yield return Of(trivia);
            }

            var next = i + 1 < tokens.Count ? tokens[i + 1].Text : "";
            yield return new(KindOf(token, next), token.Text);
            foreach (var trivia in token.TrailingTrivia)
            {
                yield return Of(trivia);
            }
        }
    }

    private static CodeSpan Of(SyntaxTrivia trivia) => new(
        trivia.IsKind(SyntaxKind.WhitespaceTrivia) || trivia.IsKind(SyntaxKind.EndOfLineTrivia)
            ? CodeKind.Plain
            : CodeKind.Comment,
        trivia.ToFullString());

    private static CodeKind KindOf(SyntaxToken token, string next) => token switch
    {
        _ when token.IsKeyword() || ContextualWords.Contains(token.Text) => CodeKind.Keyword,
        _ when token.IsKind(SyntaxKind.IdentifierToken) => next == "(" ? CodeKind.Call
            : char.IsUpper(token.Text[0]) ? CodeKind.Name
            : CodeKind.Plain,
        _ when token.Value is string or char or int or long or double or float or uint or ulong => token.Text.Length > 0
            && (char.IsAsciiDigit(token.Text[0]) || token.Text[0] is '"' or '\'' or '@' or '$')
                ? CodeKind.Literal
                : CodeKind.Plain,
        _ => CodeKind.Plain,
    };
}
