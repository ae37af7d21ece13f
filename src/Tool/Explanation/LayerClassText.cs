using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Marrow.Tool.Explanation;

/// <summary>An emitted layer class, read from its own text.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Code">Its text.</param>
/// <param name="Formula">The formulas of its summary.</param>
/// <param name="Keeps">What its forward keeps for the backward.</param>
internal sealed partial record LayerClassText(
    string Name, string Code, IReadOnlyList<string> Formula, string Keeps)
{
    /// <summary>The classes of a file.</summary>
    public static IReadOnlyList<LayerClassText> Of(string file) =>
    [
        .. CSharpSyntaxTree.ParseText(file).GetRoot().DescendantNodes().OfType<ClassDeclarationSyntax>().Select(
            declaration => Of(declaration, declaration.ToFullString().Trim())),
    ];

    private static LayerClassText Of(ClassDeclarationSyntax declaration, string code) => new(
        declaration.Identifier.Text,
        code,
        [.. Formulas().Matches(code).Select(match => Unescape(match.Groups[1].Value.Trim()))],
        Kept(declaration.Members
            .OfType<MethodDeclarationSyntax>()
            .FirstOrDefault(method => method.Identifier.Text == "Forward")?.ToString() ?? ""));

    /// <summary>
    /// The arguments of <c>saved.Keep</c>, as the comments where they are computed call them.
    /// </summary>
    private static string Kept(string forward)
    {
        if (Keep().Match(forward) is not { Success: true } keep)
        {
            return "what autograd keeps of its plain formula";
        }

        var names = keep.Groups[1].Value.Split(',').Select(argument => argument.Trim().Split('.')[0]).Distinct();
        return string.Join(", ", names.Select(name => Named(forward, name)));
    }

    private static string Named(string forward, string name)
    {
        var comment = Regex.Match(forward, $@"var {name} = [^\n]*// ([^\n]+)") is { Success: true } match
            ? match.Groups[1].Value.Trim()
            : name == "x" ? "[n, in]" : "";
        return comment.Length == 0 ? name : comment[0] == '[' ? $"{name} {comment}" : comment;
    }

    private static string Unescape(string text) => System.Net.WebUtility.HtmlDecode(text);

    [GeneratedRegex(@"^\s*///     (\S.*)$", RegexOptions.Multiline)]
    private static partial Regex Formulas();

    [GeneratedRegex(@"saved\.Keep\(([^;]*)\);")]
    private static partial Regex Keep();
}
