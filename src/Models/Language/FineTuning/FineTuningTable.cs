using System.Globalization;

namespace Marrow.Language;

/// <summary>The results of fine-tuning as the rows of a table.</summary>
public static class FineTuningTable
{
    private const string Unknown = "–";

    /// <summary>The titles; all but the first are of numbers.</summary>
    public static IReadOnlyList<string> Columns { get; } =
        ["method", "trainable", "first loss", "last loss", "held-out loss", "solved", "ms per step", "peak MiB"];

    /// <summary>
    /// A row for the base and each method; with several seeds, means with the standard deviation of what is measured.
    /// </summary>
    /// <param name="before">What the base does; null if that was not measured.</param>
    /// <param name="results">What each method reached with each seed.</param>
    /// <param name="unfinished">Methods that did not come to an end, with the reason.</param>
    public static IReadOnlyList<IReadOnlyList<string>> Rows(
        FineTuningScore? before,
        IReadOnlyList<FineTuningResult> results,
        IReadOnlyDictionary<string, string> unfinished) =>
    [
        .. before is null ? (string[][])[] :
        [
            ["base", "", "", "", Spread([before.Loss], "F3"), Percent([before.Accuracy]), "", ""],
        ],
        .. results.GroupBy(result => result.Method).Select(group => (string[])
        [
            group.Key,
            group.First().Trainable.ToString("N0", CultureInfo.InvariantCulture),
            Spread(group.Select(result => (double?)result.LossFirst), "F3"),
            Spread(group.Select(result => (double?)result.LossLast), "F3"),
            Spread(group.Select(result => result.Score.Loss), "F3"),
            Percent(group.Select(result => result.Score.Accuracy)),
            group.Average(result => result.MsPerStep)?.ToString("F1", CultureInfo.InvariantCulture) ?? Unknown,
            group.Max(result => result.PeakMb)?.ToString("F0", CultureInfo.InvariantCulture) ?? Unknown,
        ]),
        .. unfinished.Select(pair => (string[])[pair.Key, pair.Value, "", "", "", "", "", ""]),
    ];

    /// <summary>What the columns mean.</summary>
    public static string Note(IReadOnlyList<FineTuningResult> results) =>
        "Losses are means over the first and the last "
        + $"{FineTuningResult.Window(results.Select(result => result.Losses.Count).DefaultIfEmpty(0).Max())} steps; a "
        + "problem is solved if the final answer is exactly right, decoded greedily.";

    private static string Percent(IEnumerable<double?> values) =>
        Spread(values.Select(value => 100 * value), "F1") is var text && text == Unknown ? text : text + " %";

    private static string Spread(IEnumerable<double?> values, string format)
    {
        var all = values.OfType<double>().ToList();
        if (all.Count == 0)
        {
            return Unknown;
        }

        var mean = all.Average();
        var deviation = Math.Sqrt(all.Sum(value => (value - mean) * (value - mean)) / Math.Max(1, all.Count - 1));
        return mean.ToString(format, CultureInfo.InvariantCulture)
            + (all.Count > 1 ? " ± " + deviation.ToString(format, CultureInfo.InvariantCulture) : "");
    }
}
