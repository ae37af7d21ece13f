using System.Globalization;
using Marrow.Reports;

namespace Marrow.Language;

/// <summary>The page about a run of fine-tuning, of one method or of several.</summary>
/// <param name="Title">What was done.</param>
/// <param name="Configuration">What decided it.</param>
/// <param name="Results">What each method reached with each seed.</param>
/// <param name="Command">The command that repeats it.</param>
public sealed record FineTuningReport(
    string Title,
    IReadOnlyList<(string Name, string Value)> Configuration,
    IReadOnlyList<FineTuningResult> Results,
    string Command)
{
    private const int ExamplesOfAKind = 3;

    /// <summary>What the run was on; null for the CPU.</summary>
    public TorchSharp.torch.Device? Device { get; init; }

    /// <summary>What the base does with the held-out texts; null if that was not measured.</summary>
    public FineTuningScore? Before { get; init; }

    /// <summary>Methods that did not come to an end, with the reason.</summary>
    public IReadOnlyDictionary<string, string> Unfinished { get; init; } = new Dictionary<string, string>();

    /// <summary>The losses of the first seed's methods on one axis.</summary>
    public LineChart Losses => new(
        "step",
        "loss per learned token",
        [
            .. FirstSeed.Select(result => new ChartSeries(
                result.Method,
                [.. result.Losses.Select((loss, step) => ((double)step + 1, loss))],
                IsNoisy: true)),
        ],
        isLogarithmic: true);

    private IEnumerable<FineTuningResult> FirstSeed =>
        Results.Where(result => result.Seed == Results[0].Seed);

    private bool IsMeasuredOnTheWay => FirstSeed.Any(result => result.HeldOutLosses.Count > 1);

    /// <summary>Writes the page; the file appears whole or not at all.</summary>
    /// <exception cref="CheckpointException">It cannot be written.</exception>
    public void Save(string path)
    {
        var report = new Report(Title, Summary());
        if (Results.Count > 0)
        {
            report.Chart(
                "Loss",
                Losses,
                "Faint: every step; strong: smoothed by local linear regression. The scale is logarithmic.");
        }

        if (IsMeasuredOnTheWay)
        {
            report.Chart("Held-out loss", new LineChart(
                "step",
                "loss per learned token",
                [
                    .. FirstSeed.Select(result => new ChartSeries(
                        result.Method, [.. result.HeldOutLosses.Select(point => ((double)point.Step, point.Loss))])),
                ],
                isLogarithmic: true));
        }

        report.Table(
            "Results",
            [.. FineTuningTable.Columns.Select((title, index) => new ReportColumn(title, index > 0))],
            FineTuningTable.Rows(Before, Results, Unfinished),
            FineTuningTable.Note(Results));
        if (Examples().ToList() is { Count: > 0 } examples)
        {
            report.Examples($"What the model of {examples[0].Label} wrote", examples);
        }

        report.Facts("Configuration", Configuration);
        report.Facts("Hardware", Hardware.Facts(Device));
        report.Code("Run it again", Command);
        report.Save(path);
    }

    private string Summary()
    {
        if (Results.Count == 0)
        {
            return "No method came to its end.";
        }

        var best = Results.Where(result => result.Score.Loss is not null).MinBy(result => result.Score.Loss);
        return best is null
            ? string.Create(
                CultureInfo.InvariantCulture,
                $"The loss fell from {Results[0].LossFirst:F3} to {Results[0].LossLast:F3} with {Results[0].Method}.")
            : string.Create(
                CultureInfo.InvariantCulture,
                $"{(Results.Count > 1 ? $"Of {Results.Count} runs, the lowest held-out loss is that of" : "With")} "
                + $"{best.Method}{(Results.Count > 1 ? ":" : " the held-out loss is")} {best.Score.Loss:F3}")
                + (Before?.Loss is { } loss ? string.Create(
                    CultureInfo.InvariantCulture, $"; it was {loss:F3} before") : "")
                + (best.Score.Accuracy is { } accuracy ? string.Create(
                    CultureInfo.InvariantCulture, $", and {100 * accuracy:F1} % of held-out problems are solved") : "")
                + ".";
    }

    /// <summary>Some right and some wrong answers of the method with the lowest held-out loss.</summary>
    private IEnumerable<ReportExample> Examples() =>
        from result in FirstSeed.OrderBy(result => result.Score.Loss ?? double.MaxValue).Take(1)
        from isRight in (bool[])[true, false]
        from solved in result.Score.Solved.Where(solved => solved.IsSolved == isRight).Take(ExamplesOfAKind)
        select new ReportExample(
            result.Method,
            solved.Problem.Input.Length > 0
                ? $"{solved.Problem.Question}\n\n{solved.Problem.Input}"
                : solved.Problem.Question,
            solved.Problem.Response,
            solved.Solution,
            solved.IsSolved);
}
