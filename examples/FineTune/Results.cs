using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Spectre.Console;

namespace Marrow.Examples.FineTune;

/// <summary>What a model does with held-out problems.</summary>
/// <param name="Accuracy">Share of problems whose final answer is right.</param>
/// <param name="Loss">Mean loss of the reference solutions' tokens.</param>
internal sealed record Score(double Accuracy, double Loss);

/// <summary>What a method reached with a seed.</summary>
internal sealed record MethodResult(
    string Method, int Seed, long Trainable, IReadOnlyList<double> Losses, IReadOnlyList<double> Milliseconds,
        Score Score, double? PeakMb)
{
    private const int LargestWindow = 20;

    /// <summary>Steps over which the first and the last loss are averaged.</summary>
    public static int Window(int steps) => Math.Clamp(steps / 10, 1, LargestWindow);

    /// <summary>Mean loss of the first steps.</summary>
    public double LossFirst => Losses.Take(Window(Losses.Count)).Average();

    /// <summary>Mean loss of the last steps.</summary>
    public double LossLast => Losses.TakeLast(Window(Losses.Count)).Average();

    /// <summary>
    /// The median time of the steps that this process took; NaN if an earlier one had taken all of them.
    /// </summary>
    public double MsPerStep =>
        Milliseconds.Order().ElementAtOrDefault(Milliseconds.Count / 2) is var median and > 0 ? median : double.NaN;
}

/// <summary>The results of a run, as a table and as JSON.</summary>
/// <param name="Before">What the base can do before any fine-tuning.</param>
/// <param name="Methods">The methods that are finished, once for each seed.</param>
/// <param name="Unfinished">The others, with the reason.</param>
internal sealed record Results(
    Score Before, IReadOnlyList<MethodResult> Methods, IReadOnlyDictionary<string, string> Unfinished)
{
    /// <summary>
    /// A row for each method; with several seeds, means with the standard deviation of what is measured.
    /// </summary>
    public Table Table()
    {
        var table = new Table().AddColumn("method");
        foreach (var column in (
            string[])["trainable", "first loss", "last loss", "held-out loss", "accuracy", "ms per step", "peak MiB"])
        {
            table.AddColumn(new TableColumn(column).RightAligned());
        }

        table.AddRow("base", "", "", "", Text($"{Before.Loss:F3}"), Text($"{100 * Before.Accuracy:F1} %"), "", "");
        foreach (var results in Methods.GroupBy(result => result.Method))
        {
            table.AddRow(
                results.Key,
                Text($"{results.First().Trainable:N0}"),
                Spread(results.Select(result => result.LossFirst), "F3"),
                Spread(results.Select(result => result.LossLast), "F3"),
                Spread(results.Select(result => result.Score.Loss), "F3"),
                Spread(results.Select(result => 100 * result.Score.Accuracy), "F1") + " %",
                Text($"{results.Average(result => result.MsPerStep):F1}"),
                results.Max(result => result.PeakMb) is { } peak ? Text($"{peak:F0}") : "n/a");
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
            ["seed"] = result.Seed,
            ["trainable"] = result.Trainable,
            ["lossFirst"] = result.LossFirst,
            ["lossLast"] = result.LossLast,
            ["heldOutLoss"] = result.Score.Loss,
            ["accuracy"] = result.Score.Accuracy,
            ["msPerStep"] = double.IsNaN(result.MsPerStep) ? null : result.MsPerStep,
            ["peakMb"] = result.PeakMb,
            ["losses"] = new JsonArray([.. result.Losses.Select(loss => JsonValue.Create(Math.Round(loss, 4)))]),
        })]),
        ["model"] = options.Model,
        ["baseAccuracy"] = Before.Accuracy,
        ["baseLoss"] = Before.Loss,
        ["data"] = data,
        ["seed"] = options.Seeds[0], // of the data and the base; each method names its own
        ["steps"] = options.Steps,
        ["unfinished"] = new JsonObject(
            Unfinished.Select(pair => KeyValuePair.Create(pair.Key, (JsonNode?)pair.Value))),
    }.ToJsonString(new JsonSerializerOptions { WriteIndented = true }) + "\n");

    private static string Spread(IEnumerable<double> values, string format)
    {
        var all = values.ToList();
        var mean = all.Average();
        var deviation = Math.Sqrt(all.Sum(value => (value - mean) * (value - mean)) / Math.Max(1, all.Count - 1));
        return mean.ToString(format, CultureInfo.InvariantCulture)
            + (all.Count > 1 ? " ± " + deviation.ToString(format, CultureInfo.InvariantCulture) : "");
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
