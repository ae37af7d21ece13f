using System.Text.Json;
using Marrow.Models;
using static TorchSharp.torch;

namespace Marrow.Parity;

/// <summary>A PEFT adapter folder with expected logits, merged weights and greedy continuations.</summary>
internal static class AdapterFolder
{
    private static readonly Tolerance WeightTolerance = new(1e-6, 0);

    public static IEnumerable<Comparison> Compare(string directory, string bases)
    {
        using var expected = JsonDocument.Parse(File.ReadAllText(Path.Combine(directory, "expected.json")));
        var basePath = Path.Combine(bases, expected.RootElement.GetProperty("base").GetString()!);
        using var model = CausalModel.Load(basePath);
        model.LoadAdapter(directory);
        model.Module.eval();

        var ids = ModelFolder.Batch(ModelFolder.Integers(expected.RootElement.GetProperty("ids")));
        var greedy = expected.RootElement.GetProperty("greedy");
        foreach (var merged in new[] { false, true })
        {
            var suffix = merged ? "_merged" : "";
            if (merged)
            {
                model.Merge();
            }

            using var noGrad = no_grad();
            foreach (var comparison in ModelFolder.Logits(
                $"logits{suffix}", ModelFolder.Run(model, ids), expected.RootElement.GetProperty($"logits{suffix}")))
            {
                yield return comparison;
            }

            var (prompt, continued) =
                (ModelFolder.Integers(greedy.GetProperty("prompt")), ModelFolder.Integers(greedy.GetProperty("ids")));
            yield return Comparison.Exact($"greedy{suffix}",
                Generation.Continue(model, [prompt], new(continued.Length - prompt.Length))[0], continued);
        }

        var weights = model.Module.named_parameters().ToDictionary(pair => pair.name, pair => pair.parameter);
        foreach (var row in expected.RootElement.GetProperty("merged_rows").EnumerateArray())
        {
            var (name, index) = (row.GetProperty("tensor").GetString()!, row.GetProperty("row").GetInt64());
            yield return Comparison.Of(
                $"{name}[{index}]", weights[name][index], ModelFolder.Values(row), WeightTolerance);
        }
    }
}
