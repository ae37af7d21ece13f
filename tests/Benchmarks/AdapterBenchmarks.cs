using static TorchSharp.torch;

namespace Marrow.Benchmarks;

/// <summary>
/// Adapted layers against the plain frozen layer, against eager TorchSharp, and for the row form against its floor.
/// </summary>
internal static class AdapterBenchmarks
{
    public static IEnumerable<Measurement> Run(Func<string, bool> wanted) =>
        from features in AdapterCase.Sizes
        from adapter in AdapterCase.Adapters
        where wanted(adapter)
        from result in Compare(adapter, features)
        select result;

    private static List<Measurement> Compare(string adapter, long features)
    {
        set_num_threads(2);
        var size = $"{features}x{features}, {AdapterCase.Rows(features)} rows";
        using var layer = new AdapterCase(adapter, features);
        var times = new SideBySide()
            .Add("fused", layer.Way("fused"))
            .Add("eager", layer.Way("eager"))
            .Add("plain", layer.Way("plain"))
            .Add("floor", layer.ThreeProducts)
            .Run();
        List<Measurement> results =
        [
            new(adapter, size, "time", times["fused"] / times["plain"], "plain frozen layer"),
            new(adapter, size, "time", times["fused"] / times["eager"], "eager TorchSharp"),
        ];
        if (adapter == "bone-row")
            results.Add(new(adapter, size, "time", times["fused"] / times["floor"], "three matrix products"));
        if (PeakMemory.IsAvailable)
            results.Add(new(
                adapter, size, "peak memory above the plain layer's", Above("fused") / Above("eager"),
                    "eager TorchSharp"));
        return results;

        double Above(string way) => Math.Max(0, Peak(way) - Peak("plain"));

        double Peak(string way) => PeakMemory.InChild(adapter, $"{features}", way);
    }
}
