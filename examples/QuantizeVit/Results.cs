using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Marrow.Vision;
using Spectre.Console;

namespace Marrow.Examples.QuantizeVit;

/// <summary>The results for the terminal and for programs.</summary>
internal static class Results
{
    /// <summary>The table.</summary>
    public static Table Table(QuantizationReport report)
    {
        var table = new Table().AddColumn(QuantizationReport.Columns[0]);
        foreach (var column in QuantizationReport.Columns.Skip(1))
        {
            table.AddColumn(new TableColumn(column).RightAligned());
        }

        report.Rows.ToList().ForEach(row => table.AddRow(row));
        return table;
    }

    /// <summary>Writes the results; the file appears whole or not at all.</summary>
    public static void WriteJson(string path, QuantizationReport report) => AtomicFile.WriteText(path, new JsonObject
    {
        ["runs"] = new JsonArray([.. report.Results.Select(result => new JsonObject
        {
            ["method"] = result.Method,
            ["bits"] = report.Bits,
            ["top1"] = result.Top1,
            ["oscillating"] = result.End.Oscillating,
            ["msPerStep"] = result.MsPerStep,
            ["modelBytes"] = result.ModelBytes,
            ["seed"] = result.Seed,
        })]),
        ["teacherTop1"] = report.Teachers.Average(teacher => teacher.Top1),
    }.ToJsonString(new JsonSerializerOptions
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    }) + "\n");
}
