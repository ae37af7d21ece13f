using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using static TorchSharp.torch;

namespace Marrow.Benchmarks.Device;

/// <summary>The benchmarks of <c>--device</c>, as rows on the screen, as JSON and as Markdown.</summary>
internal static class DeviceBenchmarks
{
    private static readonly JsonSerializerOptions Format = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    /// <summary>Runs what is wanted.</summary>
    /// <param name="device">cuda, cuda:1 …, or "emulator".</param>
    /// <param name="wanted">Which rows.</param>
    /// <param name="json">File for the rows, or null.</param>
    /// <param name="markdown">File for the page, or null.</param>
    public static void Run(string device, Func<string, bool> wanted, FileInfo? json, FileInfo? markdown)
    {
        using var scope = NewDisposeScope();
        using var target = new Target(device);
        var (copy, product) = Ceilings(target);
        var heading = target.IsEmulated
            ? "The emulator on a CPU: small sizes, and times that mean nothing."
            : Text($"{target.Status.Name}, {target.Status.TotalBytes / 1e9:F0} GB; a copy moves {copy:F0} GB/s, a ")
                + Text($"product in bfloat16 does {product:F0} TFLOP/s.");
        Console.WriteLine(heading);
        var rows = new List<DeviceRow>();
        foreach (var row in new KernelRows(target).Run(wanted).Concat(new ModelRows(target).Run(wanted)))
        {
            rows.Add(row);
            Console.WriteLine(string.Join("  ", Cells(row, copy)));
            Save(json, JsonSerializer.Serialize(
                new { Device = target.Status.Name, target.IsEmulated, CopyGBs = copy, ProductTFlops = product, rows },
                Format) + "\n");
            Save(markdown, Page(heading, rows, copy));
        }
    }

    /// <summary>What a copy reaches in GB/s, and a large product in bfloat16 in TFLOP/s.</summary>
    private static (double Copy, double Product) Ceilings(Target target)
    {
        using var scope = NewDisposeScope();
        var from = target.Random(ScalarType.BFloat16, target.Size(1 << 29, 1 << 10));
        var to = empty_like(from);
        var n = target.Size(8192, 64);
        var (a, b) = (target.Random(ScalarType.BFloat16, n, n), target.Random(ScalarType.BFloat16, n, n));
        return (from.numel() * 4 / target.Time(() => to.copy_(from)) / 1e6,
            2.0 * n * n * n / target.Time(() => a.mm(b)) / 1e9);
    }

    private static string Page(string heading, IReadOnlyList<DeviceRow> rows, double copy)
    {
        var page = new StringBuilder($"{heading}\n\n");
        page.Append("| what | sizes | ms | own launches | bytes an entry | GB/s | of a copy's | others | goal |\n");
        page.Append("| --- | --- | ---: | ---: | ---: | ---: | ---: | --- | --- |\n");
        foreach (var row in rows)
        {
            page.Append($"| {string.Join(" | ", Cells(row, copy))} |\n");
        }

        return page.ToString();
    }

    private static string[] Cells(DeviceRow row, double copy) =>
    [
        row.Benchmark, row.Case, Text($"{row.Milliseconds:F3}"), Text($"{row.Launches}"),
        row.Bytes is { } bytes ? Text($"{bytes / row.Entries:F1}") : "",
        row.Bandwidth is { } bandwidth ? Text($"{bandwidth:F0}") : "",
        row.Bandwidth is { } own ? Text($"{own / copy:P0}") : "",
        string.Join(", ", row.Others.Select(other =>
            Text($"{other.Key} {other.Value:F3} ms ({other.Value / row.Milliseconds:F2} times)"))),
        row.Goal ?? "",
    ];

    private static void Save(FileInfo? file, string text)
    {
        if (file is not null)
        {
            AtomicFile.WriteText(file.FullName, text);
        }
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
