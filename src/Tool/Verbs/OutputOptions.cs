using System.CommandLine;
using Marrow.Tool.CommandLine;

namespace Marrow.Tool.Verbs;

/// <summary>Where a verb writes: nothing that is there is written over unasked.</summary>
internal sealed class OutputOptions
{
    private readonly Option<string> output;

    private readonly Option<bool> force = new("--force") { Description = "Write over what is there." };

    /// <param name="description">What is written.</param>
    /// <param name="standard">Where, if nothing is said; null: that must be said.</param>
    public OutputOptions(string description, string? standard = null)
    {
        output = new("--out", "-o") { Description = description, HelpName = "path", Required = standard is null };
        if (standard is not null)
        {
            output.DefaultValueFactory = _ => standard;
        }
    }

    /// <summary>Adds them to a verb.</summary>
    public void AddTo(Command verb)
    {
        verb.Add(output);
        verb.Add(force);
    }

    /// <summary>Whether what is there may be written over.</summary>
    public bool Force(Invocation call) => call.Get(force);

    /// <summary>A folder that can be written to, and is empty or may be written over.</summary>
    /// <exception cref="ToolException">It holds something.</exception>
    /// <exception cref="CheckpointException">It cannot be written.</exception>
    public string Folder(Invocation call)
    {
        var folder = call.Get(output)!;
        if (!Force(call) && Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any())
        {
            throw new ToolException(
                $"{folder}: it is there and not empty; choose another --out, or --force writes over what it holds.");
        }

        OutputFolder.RequireWritable(folder);
        return folder;
    }

    /// <summary>A file that can be written, and is not there or may be written over.</summary>
    /// <exception cref="ToolException">It is there.</exception>
    /// <exception cref="CheckpointException">It cannot be written.</exception>
    public string File(Invocation call)
    {
        var file = call.Get(output)!;
        OutputFolder.RequireWritableFile(file);
        return !Force(call) && System.IO.File.Exists(file)
            ? throw new ToolException($"{file}: it is there; choose another --out, or --force writes over it.")
            : file;
    }

    /// <summary>The path as typed.</summary>
    public string Path(Invocation call) => call.Get(output)!;
}
