using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Marrow.Tool.Terminal;
using Spectre.Console;

namespace Marrow.Tool.Inspection;

/// <summary>What a person reads of a checkpoint.</summary>
internal static partial class InspectionText
{
    /// <summary>Prints it.</summary>
    /// <param name="facts">What was found.</param>
    /// <param name="screen">Where to.</param>
    /// <param name="all">Whether equal layers have a row each.</param>
    public static void Show(CheckpointFacts facts, Screen screen, bool all)
    {
        var types = string.Join(", ", facts.Types
            .OrderByDescending(type => type.Value)
            .Select(type => facts.Types.Count == 1 ? type.Key : $"{Amounts.Count(type.Value)} {type.Key}"));
        screen.Facts(
            ("path", facts.Path),
            ("kind", facts.Kind),
            ("architecture", facts.Architecture),
            ("parameters", facts.Tensors.Count == 0 ? null
                : $"{Amounts.Exact(facts.Parameters)} in {facts.Tensors.Count} tensors ({types})"),
            ("size", facts.Tensors.Count == 0 ? null
                : $"{Amounts.Bytes(facts.Bytes)}{(facts.Files.Count > 1 ? $" in {facts.Files.Count} files" : "")}"),
            ("loads", Words(facts.Loading)));
        if (facts.Settings is not null)
        {
            screen.Say("");
            screen.Facts([.. facts.Settings.Select(field => (field.Key, (string?)Words(field.Value)))]);
        }

        foreach (var note in facts.Notes)
        {
            screen.Warn(note);
        }

        if (facts.Tensors.Count > 0)
        {
            screen.Show(Tensors(facts.Tensors, all));
        }
    }

    private static string Words(LoadingFacts loading) =>
        (loading.Loads switch { true => $"yes, as {loading.Class}", false => "no", null => "not known" })
        + (loading.Reason is null ? "" : $": {loading.Reason}");

    private static string Words(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString()!,
        JsonValueKind.Array => string.Join(", ", value.EnumerateArray().Select(Words)),
        _ => JsonSerializer.Serialize(value),
    };

    private static Table Tensors(IReadOnlyList<TensorFacts> tensors, bool all)
    {
        var table = Screen.Table(("tensor", false), ("shape", false), ("type", false), ("size", true));
        foreach (var run in all ? tensors.Select(tensor => new TensorRun(tensor.Name, tensor, 1)) : Runs(tensors))
        {
            table.AddRow(
                new Text(run.Name),
                new Text(string.Join(" × ", run.First.Shape)),
                new Text(run.First.Type),
                new Text(Amounts.Bytes(run.First.Bytes * run.Repeat)));
        }

        return table;
    }

    /// <summary>Tensors that are alike but for the number of their block, as one.</summary>
    private static IEnumerable<TensorRun> Runs(IReadOnlyList<TensorFacts> tensors) =>
        from tensor in tensors
        let number = BlockNumber().Match(tensor.Name)
        group (tensor, number) by (
            Name: BlockNumber().Replace(tensor.Name, ".*.", 1),
            Shape: string.Join(",", tensor.Shape),
            tensor.Type) into alike
        let first = alike.First()
        let count = alike.Count()
        select new TensorRun(
            count == 1 ? first.tensor.Name : alike.Key.Name.Replace(
                ".*.",
                $".{{{Spans(alike.Select(one => Number(one.number)))}}}.",
                StringComparison.Ordinal),
            first.tensor,
            count);

    private static int Number(Match match) => int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture);

    /// <summary>"0-3,5" for 0, 1, 2, 3, 5.</summary>
    private static string Spans(IEnumerable<int> numbers)
    {
        var spans = new List<(int First, int Last)>();
        foreach (var number in numbers.Order())
        {
            if (spans is [.., var last] && number == last.Last + 1)
            {
                spans[^1] = (last.First, number);
            }
            else
            {
                spans.Add((number, number));
            }
        }

        return string.Join(",", spans.Select(span => span.First == span.Last ? $"{span.First}"
            : $"{span.First}-{span.Last}"));
    }

    [GeneratedRegex(@"\.(\d{1,6})\.")]
    private static partial Regex BlockNumber();

    private sealed record TensorRun(string Name, TensorFacts First, int Repeat);
}
