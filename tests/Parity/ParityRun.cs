namespace Marrow.Parity;

/// <summary>What came of one reference file or model folder.</summary>
/// <param name="File">Path relative to the folder searched.</param>
/// <param name="Comparisons">One per tensor.</param>
/// <param name="Problem">Why nothing could be compared, or null.</param>
public sealed record FileResult(string File, IReadOnlyList<Comparison> Comparisons, string? Problem)
{
    public bool Pass => Problem is null && Comparisons.Count > 0 && Comparisons.All(comparison => comparison.Pass);
}

/// <summary>Runs every reference file and model folder under a folder.</summary>
public static class ParityRun
{
    /// <param name="directory">The folder to search.</param>
    /// <param name="bases">Where the base models that adapters name lie, or null.</param>
    /// <param name="output">Takes the report.</param>
    public static IReadOnlyList<FileResult> Run(string directory, string? bases, TextWriter output)
    {
        var results = new List<FileResult>();
        foreach (var path in Subjects(directory))
        {
            var name = Path.GetRelativePath(directory, path);
            var result = Compare(name, path, bases);
            results.Add(result);
            output.WriteLine(result.Problem is { } problem
                ? $"{name}: {problem}"
                : $"{name}: {(result.Pass ? "pass" : "FAIL")}");
            foreach (var comparison in result.Comparisons)
            {
                output.WriteLine(
                    $"  {(comparison.Pass ? "ok  " : "FAIL")} {comparison.Tensor,-60} abs {comparison.MaxAbs:e2}  "
                    + $"rel {comparison.MaxRel:e2}");
            }
        }

        return results;
    }

    /// <summary>Reference files, and folders that hold a Hugging Face model with expected values.</summary>
    private static IEnumerable<string> Subjects(string directory)
    {
        var folders = Directory.EnumerateFiles(directory, "expected.json", SearchOption.AllDirectories)
            .Select(file => Path.GetDirectoryName(file)!)
            .Where(folder => File.Exists(Path.Combine(folder, "config.json"))
                || File.Exists(Path.Combine(folder, "adapter_config.json")))
            .ToList();
        var files = Directory.EnumerateFiles(directory, "*.safetensors", SearchOption.AllDirectories)
            .Where(file => !File.Exists(Path.Combine(Path.GetDirectoryName(file)!, "expected.json")));
        return files.Concat(folders).Order(StringComparer.Ordinal);
    }

    private static FileResult Compare(string name, string path, string? bases)
    {
        try
        {
            if (File.Exists(Path.Combine(path, "adapter_config.json")))
            {
                return bases is null
                    ? new FileResult(name, [], "it adapts another model; say with --base where that lies")
                    : new FileResult(name, [.. AdapterFolder.Compare(path, bases)], null);
            }

            if (Directory.Exists(path))
            {
                return new FileResult(name, [.. ModelFolder.Compare(path)], null);
            }

            using var file = ReferenceFile.Open(path);
            return Methods.Find(file.Fixture) is { } method
                ? new FileResult(name, [.. file.Cases.SelectMany(method)], null)
                : new FileResult(name, [], $"not yet supported (method '{file.Fixture}')");
        }
        catch (Exception fault)
        {
            return new FileResult(name, [], fault.Message.Split('\n')[0]); // the rest are libtorch's stack frames
        }
    }
}
