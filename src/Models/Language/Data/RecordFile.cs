using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using Marrow.Checkpoints;

namespace Marrow.Language;

/// <summary>
/// Records out of a JSON array, JSON lines or Parquet, one at a time, each with where it stands for messages.
/// </summary>
internal static class RecordFile
{
    /// <param name="path">A file, a folder of Parquet files, or several as <c>folder/train-*.parquet</c>.</param>
    /// <exception cref="TextDataException">It cannot be read; the message names the line or element.</exception>
    public static IEnumerable<(JsonElement Record, string Where)> Read(string path)
    {
        var isEmpty = true;
        foreach (var record in ParquetRecords.Files(path) is { } files
            ? files.SelectMany(ParquetRecords.Read)
            : ReadJson(path))
        {
            isEmpty = false;
            yield return record;
        }

        if (isEmpty)
        {
            throw new TextDataException($"{path}: it holds no record; name a file that has some.");
        }
    }

    /// <summary>Refuses what stands in a clone for a file that was not fetched.</summary>
    /// <exception cref="TextDataException">It is such a pointer.</exception>
    public static void RequireContent(string path)
    {
        if (GitLfs.IsPointer(path))
        {
            throw new TextDataException($"{path}: {GitLfs.Problem}; {GitLfs.Remedy}.");
        }
    }

    /// <summary>A field's text; null if it has none.</summary>
    /// <exception cref="TextDataException">It holds an unpaired surrogate.</exception>
    public static string? Text(JsonElement record, string name, string where)
    {
        try
        {
            return record.ValueKind == JsonValueKind.Object && record.TryGetProperty(name, out var value)
                && value.ValueKind == JsonValueKind.String
                ? value.GetString()
                : null;
        }
        catch (InvalidOperationException fault)
        {
            throw new TextDataException(
                $"{where}: '{name}' has half of a surrogate pair (\\ud800 to \\udfff alone), which is no character; "
                + "write both halves, or take it out.",
                fault);
        }
    }

    private static IEnumerable<(JsonElement Record, string Where)> ReadJson(string path)
    {
        RequireContent(path);
        using var stream = Open(path);
        foreach (var record in IsArray(stream) ? ReadArray(path, stream) : ReadLines(path, stream))
        {
            yield return record;
        }
    }

    private static FileStream Open(string path)
    {
        try
        {
            return File.OpenRead(path);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new TextDataException(
                $"{path}: it cannot be read ({fault.Message.TrimEnd('.')}); name a file as JSON, JSON lines or "
                + "Parquet, or a folder of Parquet files.",
                fault);
        }
    }

    private static bool IsArray(FileStream stream)
    {
        int first;
        do
        {
            first = stream.ReadByte();
        }
        while (first is ' ' or '\t' or '\r' or '\n' or 0xef or 0xbb or 0xbf);
        stream.Position = 0;
        return first == '[';
    }

    private static IEnumerable<(JsonElement Record, string Where)> ReadLines(string path, Stream stream)
    {
        using var reader = new StreamReader(
            stream, new UTF8Encoding(false, throwOnInvalidBytes: true), leaveOpen: true);
        for (var number = 1; Next(reader, path) is { } line; number++)
        {
            if (!string.IsNullOrWhiteSpace(line))
            {
                yield return (Parse(line, $"{path}, line {number}"), $"{path}, line {number}");
            }
        }
    }

    private static string? Next(StreamReader reader, string path)
    {
        try
        {
            return reader.ReadLine();
        }
        catch (DecoderFallbackException fault)
        {
            // The reader is ahead of the line that it gives.
            var line = File.ReadLines(path, Encoding.Latin1)
                .TakeWhile(line => Utf8.IsValid(Encoding.Latin1.GetBytes(line)))
                .Count() + 1;
            throw new TextDataException($"{path}, line {line}: it is not UTF-8; save the file as UTF-8.", fault);
        }
    }

    private static IEnumerable<(JsonElement Record, string Where)> ReadArray(string path, Stream stream)
    {
        using var elements = JsonSerializer.DeserializeAsyncEnumerable<JsonElement>(
            stream).ToBlockingEnumerable().GetEnumerator();
        for (var number = 1; Next(elements, path, number); number++)
        {
            yield return (elements.Current, $"{path}, element {number}");
        }
    }

    private static bool Next(IEnumerator<JsonElement> elements, string path, int number)
    {
        try
        {
            return elements.MoveNext();
        }
        catch (JsonException fault)
        {
            throw new TextDataException(
                $"{path}, element {number}: the JSON ends or breaks there ({Short(fault)}); fetch the file again.",
                fault);
        }
    }

    private static JsonElement Parse(string line, string where)
    {
        try
        {
            return JsonElement.Parse(line);
        }
        catch (JsonException fault)
        {
            throw new TextDataException(
                $"{where}: it is not a JSON object ({Short(fault)}); write one object a line.", fault);
        }
    }

    private static string Short(JsonException fault) =>
        fault.Message.Split(" Path:")[0].Split(" LineNumber")[0].TrimEnd('.');
}
