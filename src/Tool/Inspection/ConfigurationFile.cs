using System.Text.Json;

namespace Marrow.Tool.Inspection;

/// <summary>The config.json of a folder, or the one beside a file, as far as it names the model.</summary>
internal static class ConfigurationFile
{
    /// <summary>The folder that holds the config.json of a checkpoint; null if there is none.</summary>
    public static string? Folder(string path)
    {
        var folder = Directory.Exists(path) ? path : Path.GetDirectoryName(Path.GetFullPath(path))!;
        return File.Exists(Path.Combine(folder, "config.json")) ? folder : null;
    }

    /// <summary>The class that it names, or the family; null if none is readable.</summary>
    public static string? Architecture(string path)
    {
        if (Folder(path) is not { } folder)
        {
            return null;
        }

        try
        {
            using var json = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "config.json")));
            return json.RootElement switch
            {
                { ValueKind: not JsonValueKind.Object } => null,
                var root when root.TryGetProperty("architectures", out var names)
                    && names is { ValueKind: JsonValueKind.Array } && names.GetArrayLength() > 0 => $"{names[0]}",
                var root when root.TryGetProperty("architecture", out var name) => $"{name}", // timm's
                var root when root.TryGetProperty("model_type", out var type) => $"{type}",
                _ => null,
            };
        }
        catch (Exception fault) when (fault is JsonException or IOException or UnauthorizedAccessException)
        {
            return null; // the check of loading says why
        }
    }
}
