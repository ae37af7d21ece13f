using System.Globalization;
using Marrow.Models;
using static TorchSharp.torch;

namespace Marrow.Benchmarks;

/// <summary>A LLaMA that trains thousands of steps in seconds.</summary>
[Bone(BlockSize = 8)]
internal sealed partial class SmallLlama()
    : Llama(vocabulary: 64, hidden: 32, intermediate: 64, layers: 2, heads: 4, keyValueHeads: 2, context: 16);

/// <summary>
/// 5,000 training steps whose loop frees nothing by hand but one scope per step, and the same without it.
/// </summary>
internal static class LeakBenchmark
{
    private const string Name = "leak";
    private const int Steps = 5000, WarmUp = 500;

    public static IEnumerable<Measurement> Run(Func<string, bool> wanted)
    {
        if (!wanted(Name) || !OperatingSystem.IsLinux())
        {
            yield break;
        }

        foreach (var (what, withScope) in new[] { ("one scope per step", true), ("no scope", false) })
        {
            using var model = new SmallLlama();
            var optimizer = optim.AdamW(model.AdapterParameters(), 1e-3);
            var ids = randint(64, [4, 16], dtype: int64);
            long memory = 0, halfway = 0, tensors = 0, most = 0;
            for (var step = 0; step < Steps; step++)
            {
                if (withScope)
                {
                    var before = Tensor.TotalCount;
                    using (NewDisposeScope())
                    {
                        Train(model, optimizer, ids);
                    }

                    most = Math.Max(most, step < WarmUp ? 0 : Math.Abs(Tensor.TotalCount - before));
                }
                else
                {
                    Train(model, optimizer, ids);
                }

                if (step == WarmUp)
                {
                    (memory, tensors) = (Settled(), Tensor.TotalCount);
                }

                halfway = step == Steps / 2 ? Settled() : halfway;
            }

            yield return new(Name, $"{Steps} steps, {what}", "resident memory, steps 500 to 2500, MiB",
                (halfway - memory) / 1048576.0, "flat");
            yield return new(Name, $"{Steps} steps, {what}", "resident memory, steps 2500 to 5000, MiB",
                (Settled() - halfway) / 1048576.0, "flat");
            yield return new(Name, $"{Steps} steps, {what}", "live tensors more than after 500",
                Tensor.TotalCount - tensors, "0");
            if (withScope)
            {
                yield return new(Name, $"{Steps} steps, {what}", "largest change of live tensors by a step", most, "0");
            }
        }
    }

    private static void Train(SmallLlama model, optim.Optimizer optimizer, Tensor ids)
    {
        var loss = nn.functional.cross_entropy(model.call(ids).flatten(0, 1), ids.flatten());
        optimizer.zero_grad();
        loss.backward();
        optimizer.step();
    }

    /// <summary>Resident memory once the step's own tensors are gone.</summary>
    private static long Settled()
    {
        for (var i = 0; i < 3; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        return 1024 * long.Parse(
            File.ReadLines("/proc/self/status").First(line => line.StartsWith(
                "VmRSS", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1],
            CultureInfo.InvariantCulture);
    }
}
