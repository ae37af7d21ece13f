using Marrow.Generators.Tests.Harness;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Marrow.Generators.Tests.Architecture;

/// <summary>
/// Which folder of a project uses which: every name in its sources, resolved to the file that declares it.
/// </summary>
internal sealed class FolderGraph
{
    private const string ImplicitUsings = """
        global using System;
        global using System.Collections.Generic;
        global using System.IO;
        global using System.Linq;
        global using System.Threading;
        global using System.Threading.Tasks;
        """;

    private static readonly CSharpParseOptions Options = new(LanguageVersion.Preview, DocumentationMode.None);

    private static readonly IReadOnlyList<MetadataReference> Platform =
    [
        .. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!)
            .Split(Path.PathSeparator)
            .Select(path => MetadataReference.CreateFromFile(path)),
    ];

    private readonly HashSet<FolderUse> uses = [];
    private readonly List<string> misplaced = [];

    private FolderGraph()
    {
    }

    /// <summary>Files that use other folders.</summary>
    public IReadOnlyCollection<FolderUse> Uses => uses;

    /// <summary>Files whose namespace is neither their folder's nor one of the public ones.</summary>
    public IReadOnlyList<string> Misplaced => misplaced;

    /// <summary>Reads a project of src.</summary>
    /// <param name="project">Its folder below src.</param>
    /// <param name="globalUsings">Namespaces that the project imports in every file.</param>
    public static FolderGraph Of(string project, params string[] globalUsings)
    {
        var root = Path.Combine(Repository.Root, "src", project);
        var trees = Directory.EnumerateFiles(root, "*.cs", SearchOption.AllDirectories)
            .Where(file => !IsBuildOutput(Path.GetRelativePath(root, file)))
            .Select(file => CSharpSyntaxTree.ParseText(
                File.ReadAllText(file), Options, Path.GetRelativePath(root, file)))
            .ToList();
        var usings = CSharpSyntaxTree.ParseText(
            ImplicitUsings + string.Concat(globalUsings.Select(name => $"\nglobal using {name};")), Options,
                "Usings.cs");
        var compilation = CSharpCompilation.Create(
            $"Marrow.{project}",
            [usings, .. trees],
            Platform.Where(reference => Path.GetFileNameWithoutExtension(reference.Display) != $"Marrow.{project}"),
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, allowUnsafe: true));
        var graph = new FolderGraph();
        foreach (var tree in trees)
        {
            graph.Add(tree, compilation.GetSemanticModel(tree), project);
        }

        return graph;
    }

    private static bool IsBuildOutput(string path) => path.Split(Path.DirectorySeparatorChar)[0] is "obj" or "bin";

    private static string FolderOf(SyntaxTree tree) =>
        Path.GetDirectoryName(tree.FilePath)!.Replace(Path.DirectorySeparatorChar, '/');

    private void Add(SyntaxTree tree, SemanticModel model, string project)
    {
        var (root, folder) = (tree.GetRoot(), FolderOf(tree));
        var name = root.DescendantNodes().OfType<BaseNamespaceDeclarationSyntax>().FirstOrDefault()?.Name.ToString();
        if (!Namespaces(project, folder).Contains(name))
        {
            misplaced.Add($"{tree.FilePath} is in {name}");
        }

        foreach (var node in root.DescendantNodes().OfType<SimpleNameSyntax>())
        {
            var info = model.GetSymbolInfo(node);
            var symbol = info.Symbol ?? info.CandidateSymbols.FirstOrDefault();
            var type = symbol as INamedTypeSymbol ?? symbol?.ContainingType;
            foreach (var location in type?.OriginalDefinition.Locations.Take(1) ?? [])
            {
                if (location.SourceTree is { } other && FolderOf(other) is var target && target != folder)
                {
                    uses.Add(new(folder, Path.GetFileName(tree.FilePath), target, type!.Name));
                }
            }
        }
    }

    /// <summary>The folder's namespace, and for the runtime the two public ones.</summary>
    private static IEnumerable<string> Namespaces(string project, string folder)
    {
        var own = project == "Runtime" ? "Marrow" : $"Marrow.{project}";
        yield return folder.Length == 0 ? own : $"{own}.{folder.Replace('/', '.')}";
        if (project == "Runtime")
        {
            yield return "Marrow";
            yield return "Marrow.CompilerServices";
        }
    }
}

/// <summary>A file that uses a type of another folder of its project, whose own folder is "".</summary>
/// <param name="From">The file's folder.</param>
/// <param name="File">The file.</param>
/// <param name="To">The type's folder.</param>
/// <param name="Type">The type.</param>
internal sealed record FolderUse(string From, string File, string To, string Type);
