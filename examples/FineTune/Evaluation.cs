using Marrow.Examples.FineTune.Data;
using Marrow.Models;
using static TorchSharp.torch;

namespace Marrow.Examples.FineTune;

/// <summary>What a model can do.</summary>
internal static class Evaluation
{
    private const int TokensAtOnce = 4096;

    /// <summary>The share of problems whose final number the model writes, decoding greedily.</summary>
    /// <returns>Null if the user asked to stop before the end.</returns>
    public static double? Accuracy(
        Llama model, IReadOnlyList<Example> examples, Encoder encoder, int context, Device device, CancellationToken stop)
    {
        model.eval();
        var longest = examples.Max(example => example.Answer.Length);
        var solved = 0;

        // Neighbours of about equal length waste the least on padding.
        foreach (var chunk in examples.OrderBy(example => example.Prompt.Length).Chunk(Math.Max(1, TokensAtOnce / context)))
        {
            if (stop.IsCancellationRequested)
            {
                return null;
            }

            var texts = Generation.Continue(model, [.. chunk.Select(example => example.Prompt)], new(longest, [encoder.End]));
            solved += chunk.Zip(texts).Count(pair =>
                pair.First.Problem.IsSolvedBy(encoder.Decode(pair.Second[pair.First.Prompt.Length..]), encoder.Marker));
        }

        return (double)solved / examples.Count;
    }

    /// <summary>The largest difference between two models' logits on some problems.</summary>
    public static double Difference(Llama one, Llama other, IReadOnlyList<Example> examples, Device device)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        one.eval();
        other.eval();
        var (ids, _) = new Batches(examples, Math.Min(8, examples.Count), seed: 0, device).Next();
        return (one.call(ids) - other.call(ids)).abs().max().item<float>();
    }
}
