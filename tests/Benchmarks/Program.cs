// Ratios measured side by side in one process, and a few times and sizes that have no rival.
//     dotnet run -c Release --project tests/Benchmarks -- [--filter TEXT] [--json FILE]
// With --device cuda, those of a GPU; with --device emulator the same for a test, over small tensors of the CPU.
//     dotnet run -c Release --project tests/Benchmarks -- --device cuda [--filter TEXT] [--json FILE] [--markdown FILE]
using System.CommandLine;
using System.Text.Json;
using Marrow;
using Marrow.Benchmarks;
using Marrow.Benchmarks.Device;

if (args is [PeakMemory.Argument, var adapter, var size, var way])
{
    if (adapter == LlamaStep.Name)
    {
        using var step = new LlamaStep();
        PeakMemory.Print(step.Way(way));
        return 0;
    }

    if (adapter == LossStep.Name)
    {
        using var step = new LossStep();
        PeakMemory.Print(step.Way(way));
        return 0;
    }

    using var one = new AdapterCase(adapter, long.Parse(size));
    PeakMemory.Print(one.Way(way));
    return 0;
}

var filter = new Option<string>("--filter")
{
    Description = "Run only benchmarks whose name holds this text.",
    DefaultValueFactory = _ => "",
};
var json = new Option<FileInfo?>("--json")
{
    Description = "File for the results: [{\"benchmark\",\"case\",\"metric\",\"value\",\"baseline\"}].",
};
var device = new Option<string?>("--device")
{
    Description = "Measure CUDA kernels there: cuda, cuda:1 and so on, or emulator.",
};
var markdown = new Option<FileInfo?>("--markdown") { Description = "File for a device's results as a table." };
var command = new RootCommand("Measures Marrow against eager TorchSharp, the plain layer, and the floor.")
{
    filter,
    json,
    device,
    markdown,
};
command.SetAction(arguments =>
{
    Func<string, bool> wanted = name =>
        name.Contains(arguments.GetRequiredValue(filter), StringComparison.OrdinalIgnoreCase);
    if (arguments.GetValue(device) is { } name)
    {
        DeviceBenchmarks.Run(name, wanted, arguments.GetValue(json), arguments.GetValue(markdown));
        return 0;
    }

    var results = new List<Measurement>();
    foreach (var benchmark in new[] { AdapterBenchmarks.Run, QuantizerBenchmarks.Run, RecurrenceBenchmarks.Run,
        LanguageBenchmarks.Run, MetaBuildBenchmark.Run, GeneratorBenchmark.Run, LeakBenchmark.Run })
    {
        foreach (var result in benchmark(wanted))
        {
            Console.WriteLine(
                $"{result.Benchmark,-20} {result.Case,-34} {result.Metric,-48} {result.Value,12:0.###}  "
                + result.Baseline);
            results.Add(result);
        }
    }

    if (arguments.GetValue(json) is { } file)
    {
        AtomicFile.WriteText(file.FullName, JsonSerializer.Serialize(
            results, new JsonSerializerOptions(JsonSerializerDefaults.Web) { WriteIndented = true }) + "\n");
    }

    return 0;
});
return command.Parse(args).Invoke();
