using System.Xml.Linq;
using Marrow.Generators;
using Marrow.Generators.Analysis;
using Marrow.Generators.Methods;
using Marrow.Generators.Reading;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Diagnostics;

namespace Marrow.Tool.Generation;

/// <summary>
/// C# files of a user, compiled in this process against the tool's own Marrow, with the usings of a project that
/// references the package. The generator is the one that runs in the editor.
/// </summary>
internal sealed class ModelCompilation
{
    private const string ImplicitUsings = """
        global using System;
        global using System.Collections.Generic;
        global using System.IO;
        global using System.Linq;
        global using System.Threading;
        global using System.Threading.Tasks;
        """;

    private static readonly CSharpParseOptions Options = new(LanguageVersion.Latest, DocumentationMode.Parse);

    private static readonly Lazy<IReadOnlyList<MetadataReference>> References = new(() =>
    [
        .. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!)
            .Split(Path.PathSeparator)
            .Select(path => MetadataReference.CreateFromFile(path)),
    ]);

    private readonly CSharpCompilation compilation;

    private ModelCompilation(CSharpCompilation compilation) => this.compilation = compilation;

    /// <summary>Compiles texts.</summary>
    /// <param name="sources">Paths, for messages, and texts.</param>
    public static ModelCompilation Of(params IEnumerable<(string Path, string Text)> sources) => new(
        CSharpCompilation.Create(
            "Explained",
            sources.Append(("Usings.cs", ImplicitUsings + PackageUsings())).Select(
                source => CSharpSyntaxTree.ParseText(source.Item2, Options, source.Item1)),
            References.Value,
            new(
                OutputKind.DynamicallyLinkedLibrary,
                nullableContextOptions: NullableContextOptions.Enable,
                allowUnsafe: true)));

    /// <summary>The classes that the generator emits something for, in the order of their files.</summary>
    public IReadOnlyList<INamedTypeSymbol> Models(CancellationToken stop) =>
    [
        .. compilation.SyntaxTrees
            .SelectMany(tree => tree.GetRoot(stop).DescendantNodes().OfType<TypeDeclarationSyntax>()
                .Select(node => compilation.GetSemanticModel(tree).GetDeclaredSymbol(node, stop)))
            .OfType<INamedTypeSymbol>()
            .Distinct<INamedTypeSymbol>(SymbolEqualityComparer.Default)
            .Where(type => GeneratorInput.Read(type, compilation, MethodTable.All, stop) is
                { Closure.Root: { IsModel: true } or { Layers.Count: > 0 } }),
    ];

    /// <summary>What is emitted for a class.</summary>
    public GeneratedModel Generate(INamedTypeSymbol type, CancellationToken stop) => new(
        GeneratorInput.Read(type, compilation, MethodTable.All, stop)!,
        [.. Findings(stop).Where(diagnostic => IsIn(diagnostic, type))]);

    /// <summary>Errors of syntax, and what Marrow's analyzer says.</summary>
    public IReadOnlyList<Diagnostic> Findings(CancellationToken stop)
    {
        var syntax = compilation.SyntaxTrees.SelectMany(tree => tree.GetDiagnostics(stop))
            .Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error)
            .ToList();
        return syntax.Count > 0 ? syntax
            : [
                .. compilation
                    .WithAnalyzers([new ModelAnalyzer()], options: null)
                    .GetAnalyzerDiagnosticsAsync(stop)
                    .GetAwaiter().GetResult()
                    .OrderBy(diagnostic => diagnostic.Location.SourceSpan.Start),
            ];
    }

    /// <summary>The first name in a file that nothing explains, such as another package's; null if none.</summary>
    public Diagnostic? Unknown(string path, CancellationToken stop)
    {
        var tree = compilation.SyntaxTrees.First(tree => tree.FilePath == path);
        return compilation.GetSemanticModel(tree).GetDiagnostics(cancellationToken: stop)
            .FirstOrDefault(diagnostic => diagnostic.Id is "CS0246" or "CS0234");
    }

    /// <summary>Compiles the files with what is emitted for them, into memory.</summary>
    /// <exception cref="InvalidOperationException">They do not compile.</exception>
    public byte[] Emit()
    {
        CSharpGeneratorDriver.Create([new ModelGenerator().AsSourceGenerator()], parseOptions: Options)
            .RunGeneratorsAndUpdateCompilation(compilation, out var complete, out _);
        using var stream = new MemoryStream();
        var result = complete.Emit(stream);
        return result.Success
            ? stream.ToArray()
            : throw new InvalidOperationException(string.Join('\n', result.Diagnostics));
    }

    /// <summary>The names that the packages' targets give a project.</summary>
    private static string PackageUsings() => string.Concat(
        from file in new[] { "Marrow.targets", "Marrow.Models.targets" }
        from item in XDocument.Load(typeof(ModelCompilation).Assembly.GetManifestResourceStream(file)!)
            .Descendants("Using")
        let alias = (string?)item.Attribute("Alias")
        select $"\nglobal using {(alias is null ? "" : $"{alias} = ")}{item.Attribute("Include")!.Value};");

    private static bool IsIn(Diagnostic diagnostic, INamedTypeSymbol type) => type.DeclaringSyntaxReferences.Any(
        part => part.SyntaxTree == diagnostic.Location.SourceTree
            && part.Span.Contains(diagnostic.Location.SourceSpan));
}
