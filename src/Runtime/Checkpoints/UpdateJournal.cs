using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Marrow.Checkpoints;

/// <summary>What is left to do of a <see cref="FolderUpdate"/> whose files are all on the disk.</summary>
/// <param name="Renamed">Temporary names with the names that the files get.</param>
/// <param name="Removed">Files that go.</param>
internal sealed record UpdateJournal(
    IReadOnlyList<(string Temporary, string Name)> Renamed, IReadOnlyList<string> Removed)
{
    /// <summary>What temporary names end with.</summary>
    public const string Ending = ".marrow-tmp";

    private const string FileName = ".marrow-save.json";

    /// <summary>The journal of a folder, or null.</summary>
    /// <exception cref="CheckpointException">The file is no journal.</exception>
    public static UpdateJournal? Read(string directory)
    {
        var path = Path.Combine(directory, FileName);
        try
        {
            if (!File.Exists(path))
            {
                return null;
            }

            var json = JsonNode.Parse(File.ReadAllBytes(path))!.AsObject();
            return new(
                [.. json["renamed"]!.AsObject().Select(pair => (Plain(pair.Key), Plain((string?)pair.Value)))],
                [.. json["removed"]!.AsArray().Select(name => Plain((string?)name))]);
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or NullReferenceException
            or FormatException or ArgumentException)
        {
            throw new CheckpointException(
                path,
                "it is no journal of an interrupted save",
                "delete it, and save or fetch the folder again",
                error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(
                path, $"it cannot be read ({error.Message})", "check the path and its permissions", error);
        }
    }

    /// <summary>Puts the journal in place, from when on the update counts.</summary>
    /// <param name="directory">The folder.</param>
    /// <param name="open">Opens a temporary file.</param>
    public void Write(string directory, Func<string, Stream> open)
    {
        var json = new JsonObject
        {
            ["renamed"] = new JsonObject(Renamed.Select(pair =>
                KeyValuePair.Create(pair.Temporary, (JsonNode?)JsonValue.Create(pair.Name)))),
            ["removed"] = new JsonArray([.. Removed.Select(name => JsonValue.Create(name))]),
        };
        using var file = AtomicFile.Create(Path.Combine(directory, FileName), open);
        file.Stream.Write(Encoding.UTF8.GetBytes(json.ToJsonString()));
        file.Commit();
    }

    /// <summary>Does what is left; what was done before an interruption is left alone.</summary>
    public void Apply(string directory)
    {
        foreach (var (temporary, name) in Renamed)
        {
            var from = Path.Combine(directory, temporary);
            if (File.Exists(from))
            {
                File.Move(from, AtomicFile.Resolve(Path.Combine(directory, name)), overwrite: true);
            }
        }

        foreach (var name in Removed)
        {
            File.Delete(Path.Combine(directory, name));
        }

        File.Delete(Path.Combine(directory, FileName));
    }

    /// <summary>A name that does not lead out of the folder, which a hostile journal may want.</summary>
    private static string Plain(string? name) =>
        name is null or "" or "." or ".." || name.AsSpan().IndexOfAny("/\\:\0") >= 0
            ? throw new FormatException()
            : name;
}
