using System.Globalization;
using Marrow.Reports;

namespace Marrow.Examples.QuantizeVit;

/// <summary>The pictures and the page about a run.</summary>
/// <param name="results">What came out.</param>
/// <param name="options">What decided it.</param>
internal sealed class QuantizationReport(Results results, Options options)
{
    private List<MethodResult> FirstSeed =>
        [.. results.Methods.Where(result => result.Seed == options.Seeds[0])];

    private LineChart Losses => new(
        "step",
        "loss",
        [.. FirstSeed.Select(one => new ChartSeries(one.Method, one.Losses, IsNoisy: true))],
        isLogarithmic: true);

    private LineChart Oscillation => new(
        "step",
        "weights that oscillate, percent",
        [
            .. FirstSeed.Select(one => new ChartSeries(
                one.Method, [.. one.Oscillation.Select(point => ((double)point.Step, 100 * point.Share))])),
        ]);

    private HistogramChart Latent => new(
        "position on the grid of levels",
        "weights",
        [
            .. FirstSeed.Select(one => new ChartHistogram(
                one.Method, one.Latent.Start, (int)Math.Round(-one.Latent.Start - 0.5) * 2, one.Latent.Counts)),
        ]);

    /// <summary>Writes everything into the folder of the results.</summary>
    public void Save()
    {
        PngCanvas.Write(Path.Combine(options.Out, "oscillation.png"), Oscillation);
        PngCanvas.Write(Path.Combine(options.Out, "latent-weights.png"), Latent);
        new Report("Quantization compared", Summary())
            .Table(
                "Results",
                [.. Results.Columns.Select((title, index) => new ReportColumn(title, index > 0))],
                results.Rows,
                "Oscillating: weights that keep changing between the same levels; changing: those whose level the "
                + "last steps changed; frozen: the share of annealed weights that the last step left alone.")
            .Chart("Loss", Losses, "Faint: every step; strong: smoothed by local linear regression.")
            .Chart("Oscillation", Oscillation)
            .Chart(
                "Latent weights",
                Latent,
                "Levels are at whole numbers or halfway between them, boundaries dashed; weights that gather at a "
                + "boundary are those that oscillate. The outermost bins, which hold what is clipped, are cut off.")
            .Facts("Configuration", Configuration())
            .Facts("Hardware", Hardware.Facts())
            .Code("Run it again", Repeating.Command("QuantizeVit"))
            .Save(Path.Combine(options.Out, "report.html"));
    }

    private string Summary()
    {
        var best = results.Methods.MaxBy(result => result.Top1)!;
        var teacher = results.Teachers.Values.Average(one => one.Top1);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"With weights and activations of {options.Bits} bits, {best.Method} classifies {100 * best.Top1:F1} % of "
            + $"the validation images rightly; the float teacher {100 * teacher:F1} %.");
    }

    private IReadOnlyList<(string Name, string Value)> Configuration() =>
    [
        ("Images", options.Data is { } data ? $"{data} ({options.Format})" : "generated"),
        ("Bits", $"{options.Bits}"),
        ("Edge of images", $"{options.Image}"),
        ("Teacher's steps", $"{options.TeacherSteps}"),
        ("Steps", $"{options.Steps}"),
        ("Annealing steps", $"{options.AnnealingSteps}"),
        ("Batch", $"{options.Batch}"),
        ("Seeds", string.Join(", ", options.Seeds)),
    ];
}
