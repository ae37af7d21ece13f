using Marrow.Tool.CommandLine;
using Marrow.Tool.Generation;
using Microsoft.CodeAnalysis;

namespace Marrow.Tool.Explanation;

/// <summary>Finds the classes that a command line means, and explains them.</summary>
internal static class ModelFinder
{
    private const int MostFiles = 5000;

    /// <summary>The classes of a file, or the one of a name.</summary>
    /// <param name="target">The file or the name.</param>
    /// <param name="project">The folder of the files that belong together; null: the nearest with a .csproj.</param>
    /// <param name="stop">Ends it.</param>
    /// <exception cref="ToolException">There is no such file or class, or it is no C#.</exception>
    public static IReadOnlyList<ExplainedModel> Find(string target, string? project, CancellationToken stop)
    {
        var isFile = File.Exists(target);
        if (!isFile && (target.EndsWith(".cs", StringComparison.OrdinalIgnoreCase) || target.Contains('/')))
        {
            throw new ToolException($"{target}: there is no such file; check the path.");
        }

        if (project is not null && !Directory.Exists(project))
        {
            throw new ToolException($"{project}: there is no such folder; --project names the folder of a project.");
        }

        var folder = project ?? Nearest(
            isFile ? Path.GetDirectoryName(Path.GetFullPath(target))! : Environment.CurrentDirectory);
        var files = Files(folder, isFile ? target : null);
        var compilation = ModelCompilation.Of(files.Select(file => (file, File.ReadAllText(file))));
        if (compilation.Findings(stop).FirstOrDefault(finding => finding.Id.StartsWith("CS", StringComparison.Ordinal))
            is { } error)
        {
            var found = Explainer.Found(error);
            throw new ToolException($"{found.Place}: {found.Id}: {found.Message.TrimEnd('.')}; mend it first.");
        }

        var models = compilation.Models(stop);
        var meant = models
            .Where(type => isFile
                ? type.Locations.Any(place => place.SourceTree!.FilePath == files[0])
                : type.Name == target || type.ToDisplayString() == target)
            .ToList();
        if (meant.Count == 0 && isFile && compilation.Unknown(files[0], stop) is { } unknown)
        {
            var found = Explainer.Found(unknown);
            throw new ToolException(
                $"{found.Place}: {found.Id}: {found.Message.TrimEnd('.')}; explain knows the files of --project, "
                + "Marrow, and TorchSharp.");
        }

        return meant.Count > 0
            ? meant.ConvertAll(type => Explainer.Explain(compilation, type, stop))
            : throw new ToolException(isFile
                ? $"{target}: it has no class with [Model], an adapter or a quantizer; name a file that has one."
                : models.Count == 0
                    ? $"{folder ?? "."}: there is no model class; --project names the folder of a project."
                : ParseFault.Unknown(
                    $"There is no model class '{target}'", target, models.Select(type => type.Name)));
    }

    /// <summary>The files of a project, the meant one first.</summary>
    private static List<string> Files(string? folder, string? target)
    {
        var others = folder is null ? [] : Directory
            .EnumerateFiles(folder, "*.cs", new EnumerationOptions
            {
                RecurseSubdirectories = true,
                IgnoreInaccessible = true,
            })
            .Where(file => !Path.GetRelativePath(folder, file).Split(Path.DirectorySeparatorChar)
                .Any(part => part is "bin" or "obj" || part.StartsWith('.'))
                && !file.EndsWith(".g.cs", StringComparison.Ordinal))
            .Where(file => target is null || Path.GetFullPath(file) != Path.GetFullPath(target))
            .Order(StringComparer.Ordinal)
            .Take(MostFiles);
        return [.. target is null ? [] : new[] { target }, .. others];
    }

    private static string? Nearest(string start)
    {
        for (var folder = new DirectoryInfo(start); folder is not null; folder = folder.Parent)
        {
            if (folder.EnumerateFiles("*.csproj").Any())
            {
                return folder.FullName;
            }
        }

        return null;
    }
}
