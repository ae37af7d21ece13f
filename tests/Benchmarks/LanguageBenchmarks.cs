using System.Diagnostics;
using Marrow.Adapters.LowRank;
using Marrow.Models;
using static TorchSharp.torch;

namespace Marrow.Benchmarks;

/// <summary>Small LLaMAs to decode with.</summary>
[Model]
internal sealed partial class Decoder1024() : Llama(
    vocabulary: 2048, hidden: 1024, intermediate: 2816, layers: 4, heads: 16, keyValueHeads: 16, context: 1100);

/// <summary>One so narrow that its weights are little beside its keys and values.</summary>
[Model]
internal sealed partial class Decoder512()
    : Llama(vocabulary: 2048, hidden: 512, intermediate: 1408, layers: 4, heads: 8, keyValueHeads: 8, context: 1100);

/// <summary>Training steps and decoding of language models, and the start of PiSSA.</summary>
internal static class LanguageBenchmarks
{
    public static IEnumerable<Measurement> Run(Func<string, bool> wanted)
    {
        set_num_threads(2);
        (string Name, Func<IEnumerable<Measurement>> Run)[] all =
        [
            (LlamaStep.Name, TrainingStep),
            (LossStep.Name, Loss),
            ("decoding", () => Decoding("4 blocks of 1024", new Decoder1024())
                .Concat(Decoding("4 blocks of 512", new Decoder512()))),
            ("pissa", Pissa),
        ];
        return all.Where(benchmark => wanted(benchmark.Name)).SelectMany(benchmark => benchmark.Run());
    }

    private static IEnumerable<Measurement> TrainingStep()
    {
        const string size = "2 blocks of 1024, 512 tokens, Bone row";
        using var step = new LlamaStep();
        var times = new SideBySide().Add("fused", step.Way("fused")).Add("eager", step.Way("eager")).Run(
            21, warmUps: 10);
        yield return new(LlamaStep.Name, size, "times faster", times["eager"] / times["fused"], "eager TorchSharp");
        if (PeakMemory.IsAvailable)
        {
            yield return new(LlamaStep.Name, size, "peak extra memory", Peak("fused") / Peak("eager"),
                "eager TorchSharp");
        }

        static double Peak(string way) => PeakMemory.InChild(LlamaStep.Name, "0", way);
    }

    private static IEnumerable<Measurement> Loss()
    {
        using var step = new LossStep();
        var times = new SideBySide().Add("parts", step.Way("parts")).Add("whole", step.Way("whole")).Run(5, warmUps: 1);
        yield return new(LossStep.Name, LossStep.Size, "times faster", times["whole"] / times["parts"], "all logits");
        if (PeakMemory.IsAvailable)
        {
            yield return new(LossStep.Name, LossStep.Size, "peak extra memory, MiB", Peak("parts"),
                $"{Peak("whole"):F0} with all logits");
        }

        static double Peak(string way) => PeakMemory.InChild(LossStep.Name, "0", way) / (1 << 20);
    }

    private static IEnumerable<Measurement> Decoding(string name, Llama model)
    {
        using var owned = model;
        model.eval();
        var (early, late) = (new List<double>(), new List<double>());
        for (var round = -1; round < 5; round++)
        {
            using var decoding = model.StartDecoding(1);
            using var id = ones([1, 1], dtype: int64);
            while (decoding.Length < 1040)
            {
                var start = Stopwatch.GetTimestamp();
                decoding.Append(id).Dispose();
                var milliseconds = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
                if (round >= 0 && decoding.Length is >= 64 and < 104) early.Add(milliseconds);
                if (round >= 0 && decoding.Length >= 1000) late.Add(milliseconds);
            }
        }

        yield return new("decoding", $"{name}, key-value cache", "time a token at position 1024",
            Median(late) / Median(early), "position 64");
    }

    private static IEnumerable<Measurement> Pissa()
    {
        const long features = 4096, rank = 36;
        using var scope = NewDisposeScope();

        // Singular values that fall as those of trained projections do, between random orthonormal bases.
        var (u, v) = (linalg.qr(randn(features, features)).Q, linalg.qr(randn(features, features)).Q);
        var weight = u.mul(arange(1, features + 1, dtype: float32).pow(-0.5)).mm(v.t());
        var fast = Time(() => LowRankInitialization.Pissa(weight, rank, 1, iterations: 4));
        var exact = Time(() => LowRankInitialization.Pissa(weight, rank, 1, iterations: 0));
        var (found, wanted) =
            (SingularTriples.Randomized(weight, rank, 4).S, arange(1, rank + 1, dtype: float32).pow(-0.5));
        var setting = $"{features}x{features}, rank {rank}, 4 iterations";
        var error = ((found - wanted).abs() / wanted).max().item<float>();
        yield return new("pissa", setting, "times faster", exact / fast, "exact SVD");
        yield return new("pissa", setting, "largest error of a singular value", error, "of the value itself");
    }

    private static double Time(Action action)
    {
        using var scope = NewDisposeScope();
        var start = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);
}
