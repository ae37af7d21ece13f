// Compares Marrow with numbers that the methods' original implementations produced.
//     dotnet run -c Release --project tests/Parity -- DIR [--base DIR] [--json FILE]
using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization;
using Marrow;
using Marrow.Parity;

var directory = new Argument<DirectoryInfo>("DIR")
{
    Description = "Folder with reference files and model folders; searched with its subfolders.",
};
var baseModels = new Option<DirectoryInfo?>("--base")
{
    Description = "Folder in which the base models that adapters name lie.",
};
var json = new Option<FileInfo?>("--json")
{
    Description = "File for the results: [{\"file\",\"tensor\",\"maxAbs\",\"maxRel\",\"pass\"}].",
};
var command = new RootCommand("Compares Marrow with reference files of the original implementations.")
{
    directory,
    baseModels,
    json,
};
command.SetAction(arguments =>
{
    var folder = arguments.GetRequiredValue(directory);
    if (!folder.Exists)
    {
        Console.Error.WriteLine(
            $"{folder.FullName}: there is no such folder; name the one that holds the reference files.");
        return 1;
    }

    var results = ParityRun.Run(folder.FullName, arguments.GetValue(baseModels)?.FullName, Console.Out);
    if (arguments.GetValue(json) is { } file)
    {
        AtomicFile.WriteText(file.FullName, JsonSerializer.Serialize(
            results.SelectMany(result => result.Comparisons.Select(comparison => new
            {
                file = result.File,
                tensor = comparison.Tensor,
                maxAbs = comparison.MaxAbs,
                maxRel = comparison.MaxRel,
                pass = comparison.Pass,
            })),
            new JsonSerializerOptions
            {
                WriteIndented = true,
                NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
            }) + "\n");
    }

    var failed = results.Count(result => !result.Pass);
    Console.WriteLine($"{results.Count - failed} files passed, {failed} failed or are not supported");
    return failed == 0 ? 0 : 1;
});
return command.Parse(args).Invoke();
