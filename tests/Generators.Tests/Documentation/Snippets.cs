using System.Xml.Linq;
using Marrow.Generators.Analysis;
using Marrow.Generators.Tests.Harness;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Diagnostics;
using Xunit;

namespace Marrow.Generators.Tests.Documentation;

/// <summary>
/// Every block of C# in the documentation compiles as it stands in a project that references the packages, with the
/// types and using directives of the blocks before it on its page.
/// </summary>
public class Snippets
{
    private static readonly string Implicit = string.Join('\n', new[]
    {
        "System", "System.Collections.Generic", "System.IO", "System.Linq", "System.Threading",
        "System.Threading.Tasks",
    }.Select(name => $"global using {name};").Concat(PackageUsings()));

    public static TheoryData<string> Pages =>
    [
        .. Directory.GetFiles(Path.Combine(Repository.Root, "docs"), "*.md", SearchOption.AllDirectories)
            .Where(file => !file.Contains("diagnostics", StringComparison.Ordinal))
            .Select(file => Path.GetRelativePath(Repository.Root, file))
            .Append("README.md")
            .Where(file => File.ReadAllText(Path.Combine(Repository.Root, file)).Contains("```csharp"))
            .Order(),
    ];

    [Theory]
    [MemberData(nameof(Pages))]
    public async Task Page_Compiles(string page)
    {
        var (usings, types) = (new List<UsingDirectiveSyntax>(), new List<MemberDeclarationSyntax>());
        foreach (var snippet in Page.Snippets(await File.ReadAllTextAsync(
            Path.Combine(Repository.Root, page), TestContext.Current.CancellationToken)))
        {
            var root = TestCompilation.Parse(snippet.Code, "Snippet.cs").GetCompilationUnitRoot(
                TestContext.Current.CancellationToken);
            usings.AddRange(root.Usings.Where(one => !usings.Exists(other => other.IsEquivalentTo(one))));
            var own = root.Members.OfType<TypeDeclarationSyntax>().Select(type => type.Identifier.Text).ToHashSet();
            types.RemoveAll(type => own.Contains(((TypeDeclarationSyntax)type).Identifier.Text));
            var compilation = Compilation(root.WithUsings([.. usings]), types, snippet.Given);
            TestCompilation.Driver().RunGeneratorsAndUpdateCompilation(
                compilation, out var output, out var generated, TestContext.Current.CancellationToken);
            var analyzed = await compilation.WithAnalyzers([new ModelAnalyzer()])
                .GetAnalyzerDiagnosticsAsync(TestContext.Current.CancellationToken);
            var faults = output.GetDiagnostics(TestContext.Current.CancellationToken)
                .Concat(generated)
                .Concat(analyzed)
                .Where(fault => fault.Severity == DiagnosticSeverity.Error)
                .ToList();
            Assert.True(
                snippet.Reports == string.Join(' ', faults.Select(fault => fault.Id)),
                $"{page}, the block at line {snippet.Line}:\n{string.Join('\n', faults)}");
            types.AddRange(root.Members.OfType<TypeDeclarationSyntax>());
        }
    }

    private static CSharpCompilation Compilation(
        CompilationUnitSyntax root, IReadOnlyList<MemberDeclarationSyntax> types, string given)
    {
        var before = SyntaxFactory.CompilationUnit().WithUsings(root.Usings).AddMembers([.. types]);
        var members = SyntaxFactory.ParseParameterList($"({given})").Parameters.Select(parameter =>
            $"public static {parameter.Type} {parameter.Identifier} {{ get; set; }} = default!;");
        var names = $"global using static Given;\n{Implicit}\n{root.Usings.ToFullString()}\n"
            + $"internal static class Given {{ {string.Join(' ', members)} }}";
        return TestCompilation.Of(
            root.Members.OfType<GlobalStatementSyntax>().Any()
                ? OutputKind.ConsoleApplication
                : OutputKind.DynamicallyLinkedLibrary,
            TestCompilation.Parse(names, "Given.cs"),
            TestCompilation.Parse(before.NormalizeWhitespace().ToFullString(), "Before.cs"),
            TestCompilation.Parse(root.ToFullString(), "Snippet.cs"));
    }

    /// <summary>What the packages' build files import.</summary>
    private static IEnumerable<string> PackageUsings() =>
        from file in new[] { "Marrow.targets", "Marrow.Models.targets" }
        from item in XDocument.Load(Path.Combine(Repository.Root, "build", file)).Descendants("Using")
        let alias = (string?)item.Attribute("Alias")
        select $"global using {(alias is null ? "" : $"{alias} = ")}{(string?)item.Attribute("Include")};";
}
