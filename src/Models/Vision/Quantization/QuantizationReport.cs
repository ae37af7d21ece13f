using System.Globalization;
using Marrow.Reports;

namespace Marrow.Vision;

/// <summary>The page about a run of quantization, of one way or of several.</summary>
/// <param name="Title">What was done.</param>
/// <param name="Bits">Bits of weights and activations.</param>
/// <param name="Teachers">Accuracy of the float model and its size in bytes, once for each seed.</param>
/// <param name="Results">What each way reached with each seed.</param>
/// <param name="Configuration">What decided it.</param>
/// <param name="Command">The command that repeats it.</param>
public sealed record QuantizationReport(
    string Title,
    int Bits,
    IReadOnlyList<(double Top1, long Bytes)> Teachers,
    IReadOnlyList<QuantizationResult> Results,
    IReadOnlyList<(string Name, string Value)> Configuration,
    string Command)
{
    /// <summary>What the run was on; null for the CPU.</summary>
    public TorchSharp.torch.Device? Device { get; init; }

    /// <summary>The titles of the table; all but the first are of numbers.</summary>
    public static IReadOnlyList<string> Columns { get; } =
        ["method", "top-1", "oscillating", "changing", "frozen", "ms per step", "model bytes"];

    /// <summary>A row for each way; over several seeds the mean, and the spread of accuracy.</summary>
    public IReadOnlyList<string[]> Rows =>
    [
        [
            "float model", Spread([.. Teachers.Select(teacher => teacher.Top1)]), "", "", "", "",
            Text($"{Teachers[0].Bytes:N0}"),
        ],
        .. Results.GroupBy(result => result.Method).Select(method => (string[])
        [
            method.Key,
            Spread([.. method.Select(result => result.Top1)]),
            Text($"{100 * method.Average(result => result.End.Oscillating):F2} %"),
            Text($"{100 * method.Average(result => result.End.Changing):F3} %"),
            Text($"{100 * method.Average(result => result.Frozen):F1} %"),
            method.Average(result => result.MsPerStep) is { } time ? Text($"{time:F1}") : "–",
            Text($"{method.First().ModelBytes:N0}"),
        ]),
    ];

    /// <summary>The losses of the first seed on one axis.</summary>
    public LineChart Losses => new(
        "step",
        "loss",
        [.. FirstSeed.Select(one => new ChartSeries(one.Method, one.Losses, IsNoisy: true))],
        isLogarithmic: true);

    /// <summary>The share of oscillating weights over the steps.</summary>
    public LineChart Oscillation => new(
        "step",
        "weights that oscillate, percent",
        [
            .. FirstSeed.Select(one => new ChartSeries(
                one.Method, [.. one.Oscillation.Select(point => ((double)point.Step, 100 * point.Share))])),
        ]);

    /// <summary>Where latent weights lie on the grid of levels.</summary>
    public HistogramChart Latent => new(
        "position on the grid of levels",
        "weights",
        [
            .. FirstSeed.Select(one => new ChartHistogram(
                one.Method, one.Latent.Start, (int)Math.Round(-one.Latent.Start - 0.5) * 2, one.Latent.Counts)),
        ]);

    private IEnumerable<QuantizationResult> FirstSeed => Results.Where(result => result.Seed == Results[0].Seed);

    /// <summary>Writes the page; the file appears whole or not at all.</summary>
    /// <exception cref="CheckpointException">It cannot be written.</exception>
    public void Save(string path) => new Report(Title, Summary())
        .Table(
            "Results",
            [.. Columns.Select((title, index) => new ReportColumn(title, index > 0))],
            Rows,
            "Oscillating: weights that keep changing between the same levels; changing: those whose level the last "
            + "steps changed; frozen: the share of annealed weights that the last step left alone.")
        .Chart("Loss", Losses, "Faint: every step; strong: smoothed by local linear regression.")
        .Chart("Oscillation", Oscillation)
        .Chart(
            "Latent weights",
            Latent,
            "Levels are marked, boundaries between them dashed; weights that gather at a boundary are those that "
            + "oscillate. The outermost bins, which hold what is clipped, are cut off.")
        .Facts("Configuration", Configuration)
        .Facts("Hardware", Hardware.Facts(Device))
        .Code("Run it again", Command)
        .Save(path);

    private string Summary()
    {
        var best = Results.MaxBy(result => result.Top1)!;
        return Text($"With weights and activations of {Bits} bits, {best.Method} classifies {100 * best.Top1:F1} % of ")
            + Text($"the validation images rightly; the float model {100 * Teachers.Average(one => one.Top1):F1} %.");
    }

    private static string Spread(IReadOnlyList<double> values)
    {
        var mean = values.Average();
        var squares = values.Sum(value => (value - mean) * (value - mean));
        return values.Count == 1
            ? Text($"{100 * mean:F1} %")
            : Text($"{100 * mean:F1} ± {100 * Math.Sqrt(squares / (values.Count - 1)):F1} %");
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
