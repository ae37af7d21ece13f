using System.Text.Json;

namespace Marrow.Examples.FineTune.Data;

/// <summary>Problems from JSON lines in GSM8K's or MetaMathQA's fields.</summary>
internal static class ProblemFile
{
    /// <summary>
    /// What to train on and what to hold out: the test.jsonl beside a train.jsonl if there is one, else the last tenth.
    /// </summary>
    public static (IReadOnlyList<Problem> Train, IReadOnlyList<Problem> HeldOut, string Source) Split(string path)
    {
        var problems = Read(path);
        var test = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(path))!, "test.jsonl");
        if (Path.GetFileName(path) == "train.jsonl" && File.Exists(test))
        {
            return (problems, Read(test), "test.jsonl beside it");
        }

        var held = problems.Count / 10;
        return held > 0
            ? (problems[..^held], problems[^held..], "its last tenth")
            : throw new UserException($"{path}: {problems.Count} problems are too few to hold a tenth out; use a file of at least ten.");
    }

    private static List<Problem> Read(string path)
    {
        if (!File.Exists(path))
        {
            throw new UserException($"{path}: there is no such file; name a file of problems as JSON lines.");
        }

        var problems = new List<Problem>();
        var number = 0;
        foreach (var line in File.ReadLines(path))
        {
            number++;
            if (!string.IsNullOrWhiteSpace(line))
            {
                problems.Add(Parse(line, $"{path}, line {number}"));
            }
        }

        return problems.Count > 0 ? problems : throw new UserException($"{path}: the file holds no problems.");
    }

    private static Problem Parse(string line, string where)
    {
        try
        {
            using var json = JsonDocument.Parse(line);
            var (question, answer) = (Field(json, "question", "query"), Field(json, "answer", "response"));
            return question is null || answer is null
                ? throw new UserException($"{where}: it lacks the text fields question and answer (GSM8K), or query and response (MetaMathQA).")
                : Problem.Parse(question, answer)
                    ?? throw new UserException($"{where}: the answer ends neither in '#### N' nor in 'The answer is: N' with a number N.");
        }
        catch (JsonException fault)
        {
            throw new UserException($"{where}: it is not a JSON object ({fault.Message.Split(" LineNumber")[0].TrimEnd('.')}).", fault);
        }
    }

    private static string? Field(JsonDocument json, params string[] names) => json.RootElement.ValueKind != JsonValueKind.Object
        ? null
        : names
            .Select(name => json.RootElement.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null)
            .FirstOrDefault(value => value is not null);
}
