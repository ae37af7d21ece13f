using System.Text.Json;
using Marrow.Benchmarks;
using static TorchSharp.torch;

// Benchmarks [--filter TEXT] [--json FILE]: ratios measured side by side in this process.
if (args is [PeakMemory.Argument, var adapter, var rows, var features, var way])
{
    using var layer = new AdapterCase(adapter, long.Parse(rows), long.Parse(features));
    PeakMemory.Print(layer.Way(way));
    return 0;
}

string? filter = null, json = null;
for (var i = 0; i < args.Length; i++)
{
    switch (args[i])
    {
        case "--filter" when i + 1 < args.Length:
            filter = args[++i];
            break;
        case "--json" when i + 1 < args.Length:
            json = args[++i];
            break;
        default:
            Console.Error.WriteLine("usage: Benchmarks [--filter TEXT] [--json FILE]");
            return 2;
    }
}

set_num_threads(2);
var results = new List<Measurement>();
foreach (var result in AdapterBenchmarks.Run(name => filter is null || name.Contains(filter, StringComparison.OrdinalIgnoreCase)))
{
    Console.WriteLine($"{result.Benchmark,-12} {result.Case,-22} {result.Metric,-34} {result.Value,6:F2} x {result.Baseline}");
    results.Add(result);
}

if (json is not null)
    File.WriteAllText(json, JsonSerializer.Serialize(results, new JsonSerializerOptions(JsonSerializerDefaults.Web) { WriteIndented = true }));
return 0;
