using System.Text.Json;

namespace Marrow.Language;

/// <summary>
/// Instructions from a JSON array or from JSON lines, read as they are needed. The fields are those of MetaMathQA
/// (query, response), GSM8K (question, answer), MATH (problem, solution) or Alpaca (instruction, input, output).
/// </summary>
public static class InstructionFile
{
    private static readonly (string Question, string Response)[] Fields =
        [("query", "response"), ("question", "answer"), ("problem", "solution"), ("instruction", "output")];

    private static readonly string Known =
        string.Join("; ", Fields.Select(pair => $"{pair.Question} and {pair.Response}"));

    /// <summary>The instructions in the file's order, one at a time.</summary>
    /// <exception cref="TextDataException">The file cannot be read, or holds something else; the message names the line
    /// or element.</exception>
    public static IEnumerable<Instruction> Read(string path)
    {
        using var stream = Open(path);
        foreach (var instruction in IsArray(stream) ? ReadArray(path, stream) : ReadLines(path, stream))
        {
            yield return instruction;
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
                $"{path}: it cannot be read ({fault.Message.TrimEnd('.')}); name a file of instructions as JSON or "
                + "JSON lines.",
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

    private static IEnumerable<Instruction> ReadLines(string path, Stream stream)
    {
        using var reader = new StreamReader(stream, leaveOpen: true);
        for (var number = 1; reader.ReadLine() is { } line; number++)
        {
            if (!string.IsNullOrWhiteSpace(line))
            {
                yield return Parse(line, $"{path}, line {number}");
            }
        }
    }

    private static IEnumerable<Instruction> ReadArray(string path, Stream stream)
    {
        using var elements = JsonSerializer.DeserializeAsyncEnumerable<JsonElement>(
            stream).ToBlockingEnumerable().GetEnumerator();
        for (var number = 1; Next(elements, path, number); number++)
        {
            yield return Instruction(elements.Current, $"{path}, element {number}");
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

    private static Instruction Parse(string line, string where)
    {
        try
        {
            using var json = JsonDocument.Parse(line);
            return Instruction(json.RootElement, where);
        }
        catch (JsonException fault)
        {
            throw new TextDataException(
                $"{where}: it is not a JSON object ({Short(fault)}); write one object a line.", fault);
        }
    }

    private static Instruction Instruction(JsonElement json, string where)
    {
        foreach (var (question, response) in Fields)
        {
            if (Field(json, question) is { } asked && Field(json, response) is { } answered)
            {
                return new(asked, answered, Field(json, "input") ?? "", Field(json, "type") ?? "");
            }
        }

        throw new TextDataException($"{where}: it lacks the text fields of an instruction; these are known: {Known}.");
    }

    private static string? Field(JsonElement json, string name) =>
        json.ValueKind == JsonValueKind.Object && json.TryGetProperty(name, out var value)
            && value.ValueKind == JsonValueKind.String
            ? value.GetString()
            : null;

    private static string Short(JsonException fault) =>
        fault.Message.Split(" Path:")[0].Split(" LineNumber")[0].TrimEnd('.');
}
