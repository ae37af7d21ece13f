using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Marrow.Checkpoints;
using Spectre.Console;

namespace Marrow.Examples.FineTune;

/// <summary>What a method reached.</summary>
internal sealed record MethodResult(string Method, long Trainable, TrainingRun Run, double Accuracy, double? PeakMb)
{
    private const int LargestWindow = 20;

    /// <summary>Steps over which the first and the last loss are averaged.</summary>
    public static int Window(int steps) => Math.Clamp(steps / 10, 1, LargestWindow);

    /// <summary>Mean loss of the first steps.</summary>
    public double LossFirst => Run.Losses.Take(Window(Run.Losses.Count)).Average();

    /// <summary>Mean loss of the last steps.</summary>
    public double LossLast => Run.Losses.TakeLast(Window(Run.Losses.Count)).Average();

    /// <summary>The median time of a step.</summary>
    public double MsPerStep => Run.Milliseconds.Order().ElementAt(Run.Milliseconds.Count / 2);
}

/// <summary>The results of a run, as a table and as JSON.</summary>
/// <param name="BaseAccuracy">What the base can do before any fine-tuning.</param>
/// <param name="Methods">The methods that are finished.</param>
/// <param name="Unfinished">The others, with the reason.</param>
internal sealed record Results(double BaseAccuracy, IReadOnlyList<MethodResult> Methods, IReadOnlyDictionary<string, string> Unfinished)
{
    /// <summary>A row for each method.</summary>
    public Table Table()
    {
        var table = new Table().AddColumn("method");
        foreach (var column in (string[])["trainable", "first loss", "last loss", "accuracy before", "accuracy after", "ms per step", "peak MiB"])
        {
            table.AddColumn(new TableColumn(column).RightAligned());
        }

        foreach (var result in Methods)
        {
            table.AddRow(
                result.Method,
                Text($"{result.Trainable:N0}"),
                Text($"{result.LossFirst:F3}"),
                Text($"{result.LossLast:F3}"),
                Text($"{100 * BaseAccuracy:F1} %"),
                Text($"{100 * result.Accuracy:F1} %"),
                Text($"{result.MsPerStep:F1}"),
                result.PeakMb is { } peak ? Text($"{peak:F0}") : "n/a");
        }

        foreach (var (method, reason) in Unfinished)
        {
            table.AddRow(method, reason);
        }

        return table;
    }

    /// <summary>Writes the results; the file appears whole or not at all.</summary>
    public void WriteJson(string path, Options options, string data) => AtomicFile.WriteText(path, new JsonObject
    {
        ["methods"] = new JsonArray([.. Methods.Select(result => new JsonObject
        {
            ["method"] = result.Method,
            ["trainable"] = result.Trainable,
            ["lossFirst"] = result.LossFirst,
            ["lossLast"] = result.LossLast,
            ["accuracy"] = result.Accuracy,
            ["msPerStep"] = result.MsPerStep,
            ["peakMb"] = result.PeakMb,
            ["baseAccuracy"] = BaseAccuracy,
        })]),
        ["data"] = data,
        ["seed"] = options.Seed,
        ["steps"] = options.Steps,
        ["unfinished"] = new JsonObject(Unfinished.Select(pair => KeyValuePair.Create(pair.Key, (JsonNode?)pair.Value))),
    }.ToJsonString(new JsonSerializerOptions { WriteIndented = true }) + "\n");

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
