using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Spectre.Console;

namespace Marrow.Examples.QuantizeVit;

/// <summary>What a method reached.</summary>
/// <param name="Method">Its name.</param>
/// <param name="Seed">The seed.</param>
/// <param name="Top1">Share of validation images it classifies rightly.</param>
/// <param name="End">Oscillation at the end.</param>
/// <param name="Frozen">Share of annealed weights that the last step left alone; 0 without annealing.</param>
/// <param name="MsPerStep">Median time of a step, without reading images.</param>
/// <param name="ModelBytes">Size of the exported model.</param>
/// <param name="Losses">The loss of every step, with its number.</param>
/// <param name="Oscillation">Share of oscillating weights by step.</param>
/// <param name="Latent">Latent weights over positions on the grid of levels: where it starts, and counts.</param>
internal sealed record MethodResult(
    string Method,
    int Seed,
    double Top1,
    OscillationReport End,
    double Frozen,
    double MsPerStep,
    long ModelBytes,
    IReadOnlyList<(double Step, double Loss)> Losses,
    IReadOnlyList<(int Step, double Share)> Oscillation,
    (double Start, long[] Counts) Latent);

/// <summary>The results, as a table and as JSON.</summary>
/// <param name="Bits">Bits of weights and activations.</param>
/// <param name="Teachers">Accuracy of the float teacher and its size, by seed.</param>
/// <param name="Methods">Each method with each seed.</param>
internal sealed record Results(
    int Bits, IReadOnlyDictionary<int, (double Top1, long Bytes)> Teachers, IReadOnlyList<MethodResult> Methods)
{
    /// <summary>The titles of the columns.</summary>
    public static IReadOnlyList<string> Columns { get; } =
        ["method", "top-1", "oscillating", "changing", "frozen", "ms per step", "model bytes"];

    /// <summary>A row for each method; over several seeds the mean, and the spread of accuracy.</summary>
    public IReadOnlyList<string[]> Rows =>
    [
        [
            "float teacher", Spread([.. Teachers.Values.Select(teacher => teacher.Top1)]), "", "", "", "",
            Text($"{Teachers.Values.First().Bytes:N0}"),
        ],
        .. Methods.GroupBy(result => result.Method).Select(method => (string[])
        [
            method.Key,
            Spread([.. method.Select(result => result.Top1)]),
            Text($"{100 * method.Average(result => result.End.Oscillating):F2} %"),
            Text($"{100 * method.Average(result => result.End.Changing):F3} %"),
            Text($"{100 * method.Average(result => result.Frozen):F1} %"),
            Text($"{method.Average(result => result.MsPerStep):F1}"),
            Text($"{method.First().ModelBytes:N0}"),
        ]),
    ];

    /// <summary>The same for the terminal.</summary>
    public Table Table()
    {
        var table = new Table().AddColumn(Columns[0]);
        foreach (var column in Columns.Skip(1))
        {
            table.AddColumn(new TableColumn(column).RightAligned());
        }

        Rows.ToList().ForEach(row => table.AddRow(row));
        return table;
    }

    /// <summary>Writes the results; the file appears whole or not at all.</summary>
    public void WriteJson(string path) => AtomicFile.WriteText(path, new JsonObject
    {
        ["runs"] = new JsonArray([.. Methods.Select(result => new JsonObject
        {
            ["method"] = result.Method,
            ["bits"] = Bits,
            ["top1"] = result.Top1,
            ["oscillating"] = result.End.Oscillating,
            ["msPerStep"] = result.MsPerStep,
            ["modelBytes"] = result.ModelBytes,
            ["seed"] = result.Seed,
        })]),
        ["teacherTop1"] = Teachers.Values.Average(teacher => teacher.Top1),
    }.ToJsonString(new JsonSerializerOptions
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    }) + "\n");

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
