using System.Text.Json;

namespace Marrow.Language;

/// <summary>
/// Instructions from a JSON array, JSON lines or Parquet, read as they are needed. The fields are those of MetaMathQA
/// (query, response), GSM8K (question, answer), MATH (problem, solution) or Alpaca (instruction, input, output).
/// </summary>
public static class InstructionFile
{
    private static readonly (string Question, string Response)[] Fields =
        [("query", "response"), ("question", "answer"), ("problem", "solution"), ("instruction", "output")];

    private static readonly string Known =
        string.Join("; ", Fields.Select(pair => $"{pair.Question} and {pair.Response}"));

    /// <summary>The instructions in the file's order, one at a time.</summary>
    /// <param name="path">A file, a folder of Parquet files, or several as <c>folder/train-*.parquet</c>.</param>
    /// <exception cref="TextDataException">The file cannot be read, or holds something else; the message names the
    /// line, element or row.</exception>
    public static IEnumerable<Instruction> Read(string path) =>
        RecordFile.Read(path).Select(record => Instruction(record.Record, record.Where));

    private static Instruction Instruction(JsonElement json, string where)
    {
        foreach (var (question, response) in Fields)
        {
            if (Text(question) is { } asked && Text(response) is { } answered)
            {
                return new(asked, answered, Text("input") ?? "", Text("type") ?? "") { Source = where };
            }
        }

        throw new TextDataException($"{where}: it lacks the text fields of an instruction; these are known: {Known}.");

        string? Text(string name) => RecordFile.Text(json, name, where);
    }
}
