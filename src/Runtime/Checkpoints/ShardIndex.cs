using System.Text.Json;

namespace Marrow.Checkpoints;

/// <summary>model.safetensors.index.json: which shard holds which tensor.</summary>
internal static class ShardIndex
{
    private const long LongestFile = 100_000_000;
    private const string Remedy = "fetch or save the index again";

    /// <summary>
    /// Shard file name by tensor name; every file name is a plain one, so that none leads out of the folder.
    /// </summary>
    /// <exception cref="CheckpointException">The file cannot be read or is not such an index.</exception>
    public static Dictionary<string, string> Read(string path)
    {
        try
        {
            if (new FileInfo(path).Length > LongestFile)
                throw new CheckpointException(path, $"the index is larger than {LongestFile} bytes", Remedy);
            var reader = new Utf8JsonReader(File.ReadAllBytes(path));
            return Parse(ref reader, path);
        }
        catch (JsonException error)
        {
            throw new CheckpointException(
                path, $"it is not valid JSON (line {error.LineNumber + 1}, byte {error.BytePositionInLine})",
                Remedy, error);
        }
        catch (InvalidOperationException error)
        {
            // Utf8JsonReader's answer to bytes or escapes that are no Unicode text.
            throw new CheckpointException(path, "it holds a string that is not valid Unicode", Remedy, error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(
                path, $"it cannot be read ({error.Message})", "check the path and its permissions", error);
        }
    }

    private static Dictionary<string, string> Parse(ref Utf8JsonReader reader, string path)
    {
        Dictionary<string, string>? shards = null;
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject)
            throw new CheckpointException(path, "it is not a JSON object", Remedy);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isMap = reader.GetString() == "weight_map";
            reader.Read();
            if (!isMap) reader.Skip();
            else if (shards is null) shards = ReadMap(ref reader, path);
            else throw new CheckpointException(path, "weight_map appears twice", Remedy);
        }
        while (reader.Read()) { } // anything but white space behind the object throws
        return shards ?? throw new CheckpointException(path, "it has no weight_map", Remedy);
    }

    private static Dictionary<string, string> ReadMap(ref Utf8JsonReader reader, string path)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
            throw new CheckpointException(path, "weight_map is not an object", Remedy);
        var shards = new Dictionary<string, string>();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = reader.GetString()!;
            var where = $"weight_map entry {CheckpointException.Quote(name)}";
            reader.Read();
            if (reader.TokenType != JsonTokenType.String)
                throw new CheckpointException(path, $"{where} is not a string", Remedy);
            var shard = reader.GetString()!;
            if (shard is "" or "." or ".." || shard.AsSpan().IndexOfAny("/\\:\0") >= 0)
                throw new CheckpointException(
                    path, $"{where} names {CheckpointException.Quote(shard)}, which is not a plain file name", Remedy);
            if (!shards.TryAdd(name, shard)) throw new CheckpointException(path, $"{where} appears twice", Remedy);
        }
        return shards;
    }
}
