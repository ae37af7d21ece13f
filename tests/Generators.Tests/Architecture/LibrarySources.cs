using Marrow.Generators.Tests.Harness;

namespace Marrow.Generators.Tests.Architecture;

/// <summary>The sources of the runtime and the models, and what is emitted, for tests that read them.</summary>
internal static class LibrarySources
{
    /// <summary>Files of src/Runtime and src/Models, named from src on.</summary>
    public static IEnumerable<(string Name, string Path)> Written
    {
        get
        {
            var sources = Path.Combine(Repository.Root, "src");
            return new[] { "Runtime", "Models" }
                .SelectMany(project => Directory.GetFiles(
                    Path.Combine(sources, project), "*.cs", SearchOption.AllDirectories))
                .Select(file => (Name: Path.GetRelativePath(sources, file).Replace('\\', '/'), Path: file))
                .Where(file => !file.Name.Contains("/obj/", StringComparison.Ordinal));
        }
    }

    /// <summary>The snapshots of emitted files.</summary>
    public static IEnumerable<(string Name, string Path)> Emitted => Directory.GetFiles(
        Path.Combine(Repository.Root, "tests", "Generators.Tests", "Snapshots"), "*.verified.cs")
        .Select(file => (Path.GetFileName(file), file));
}
