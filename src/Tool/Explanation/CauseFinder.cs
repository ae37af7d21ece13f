using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Marrow.Tool.Explanation;

/// <summary>Finds for each attribute of a class what is emitted because of it.</summary>
internal sealed partial class CauseFinder
{
    private static readonly string[] Adapters = ["Lora", "Dora", "Bone"];
    private static readonly string[] Mappings = ["Checkpoint", "Rename", "Split", "Fuse"];

    private readonly TypeDeclarationSyntax declaration;
    private readonly ClassDeclarationSyntax emitted;
    private readonly IReadOnlyDictionary<string, LayerClassText> classes;
    private readonly IReadOnlyList<StatementSyntax> specializations, builds;

    /// <param name="declaration">The user's class.</param>
    /// <param name="file">The emitted part.</param>
    /// <param name="classes">The emitted layer classes by name.</param>
    public CauseFinder(
        TypeDeclarationSyntax declaration, string file, IReadOnlyDictionary<string, LayerClassText> classes)
    {
        (this.declaration, this.classes) = (declaration, classes);
        emitted = CSharpSyntaxTree.ParseText(file).GetRoot().DescendantNodes().OfType<ClassDeclarationSyntax>()
            .First(type => type.Identifier.Text == declaration.Identifier.Text);
        (specializations, builds) = (Body("Specialize"), Body("BuildLayers"));
    }

    /// <summary>The causes, in the order of the source.</summary>
    public IReadOnlyList<Cause> Find() => [.. OfClass().Concat(OfMembers()).Where(cause => cause.Emitted.Count > 0)];

    private IEnumerable<Cause> OfClass()
    {
        var adapted = new Queue<StatementSyntax>(specializations.Where(statement => Calls(statement, "Adapt")));
        foreach (var attribute in declaration.AttributeLists.SelectMany(list => list.Attributes))
        {
            var name = NameOf(attribute);
            var statements = name switch
            {
                _ when Adapters.Contains(name) =>
                    Trained(attribute).Concat(adapted.TryDequeue(out var own) ? [own] : []),
                "Quantize" => specializations.Where(statement => Calls(statement, "Quantize")),
                "Qkr" => specializations.Where(statement => Calls(statement, "QuantizeAttention")),
                "Replace" => specializations.Where(statement => Calls(statement, "Replace")),
                "Recompute" => specializations.Where(statement => Calls(statement, "RecomputeBlocks")),
                _ when Mappings.Contains(name) => Body("MapCheckpoint").Skip(1).Where(
                    statement => Calls(statement, Mapping(name))),
                _ => [],
            };
            var code = statements.Select(Text).ToList();
            yield return new(
                $"[{attribute}]",
                Explainer.LineOf(attribute),
                [.. code.Count == 0 ? [] : new[] { string.Join("\n\n", code) }, .. code.SelectMany(Used).Distinct()]);
        }
    }

    /// <summary>What an adapter trains beside it.</summary>
    private IEnumerable<StatementSyntax> Trained(AttributeSyntax attribute) =>
        from argument in attribute.ArgumentList?.Arguments ?? []
        from statement in argument.NameEquals?.Name.Identifier.Text switch
        {
            "Train" => specializations.Where(statement => Calls(statement, "Train(")),
            "Bias" => specializations.Where(statement => Calls(statement, "TrainBiases")),
            _ => [],
        }
        select statement;

    private IEnumerable<Cause> OfMembers()
    {
        foreach (var member in declaration.Members.Where(member => member.AttributeLists.Count > 0))
        {
            yield return new(
                Shortened(member),
                Explainer.LineOf(member.AttributeLists[0]),
                member switch
                {
                    PropertyDeclarationSyntax property => OfLayer(property.Identifier.Text),
                    MethodDeclarationSyntax => [.. Members("forward").Concat(Members("call")).Select(Text)],
                    _ => [],
                });
        }
    }

    private List<string> OfLayer(string name)
    {
        var built = builds.Where(statement => Regex.IsMatch(statement.ToString(), $@"\b(__{name}|{Snake(name)})\b"))
            .Select(Text)
            .ToList();
        return [.. Members(name).Select(Text), .. built, .. built.SelectMany(Used)];
    }

    private IEnumerable<SyntaxNode> Members(string name) => emitted.Members.Where(member => member switch
    {
        PropertyDeclarationSyntax property => property.Identifier.Text == name,
        MethodDeclarationSyntax method => method.Identifier.Text == name,
        _ => false,
    });

    private IReadOnlyList<StatementSyntax> Body(string method) =>
        [.. Members(method).OfType<MethodDeclarationSyntax>().SelectMany(body => body.Body?.Statements ?? [])];

    /// <summary>The layer classes that some code makes.</summary>
    private IEnumerable<string> Used(string code) => LayerClass().Matches(code)
        .Select(match => match.Groups[1].Value)
        .Distinct()
        .Where(classes.ContainsKey)
        .Select(name => classes[name].Code);

    private static bool Calls(StatementSyntax statement, string method) => statement.ToString().Contains(
        $".{method}", StringComparison.Ordinal);

    private static string Mapping(string attribute) => attribute == "Checkpoint" ? "" : attribute;

    private static string NameOf(AttributeSyntax attribute)
    {
        var name = attribute.Name.ToString().Split('.')[^1];
        return name.EndsWith("Attribute", StringComparison.Ordinal) ? name[..^"Attribute".Length] : name;
    }

    /// <summary>A member without its body.</summary>
    private static string Shortened(MemberDeclarationSyntax member) => Dedent(member switch
    {
        MethodDeclarationSyntax method => method
            .WithBody(null)
            .WithExpressionBody(null)
            .WithSemicolonToken(default)
            .WithoutTrivia()
            .ToString()
            .Trim() + " …",
        _ => member.WithoutTrivia().ToString(),
    });

    private static string Text(SyntaxNode node) => Dedent(Noise().Replace(node.ToFullString().Trim('\n', '\r'), ""));

    private static string Dedent(string text)
    {
        var lines = text.ReplaceLineEndings("\n").Split('\n').ToList();
        var indented = lines.Skip(lines[0].StartsWith(' ') ? 0 : 1).Where(line => line.Trim().Length > 0).ToList();
        var margin = indented.Count == 0 ? 0 : indented.Min(line => line.Length - line.TrimStart().Length);
        return string.Join('\n', lines.Select(line =>
            line.Length >= margin && line[..margin].Trim().Length == 0 ? line[margin..] : line.TrimStart())).Trim();
    }

    /// <summary>The name of a layer in checkpoints, unless [Name] says another.</summary>
    private static string Snake(string name) => Capital().Replace(name, "_$1").TrimStart('_').ToLowerInvariant();

    [GeneratedRegex("([A-Z])")]
    private static partial Regex Capital();

    [GeneratedRegex(@"__Layers::(\w+)\(")]
    private static partial Regex LayerClass();

    /// <summary>What every emitted member has.</summary>
    [GeneratedRegex(
        @"^[ \t]*(?:\[global::System\.CodeDom\.Compiler\.GeneratedCode[^\n]*|/// <inheritdoc/>)\n",
        RegexOptions.Multiline)]
    private static partial Regex Noise();
}
