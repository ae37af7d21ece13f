using static TorchSharp.torch;

namespace Marrow.Examples.FineTune.Data;

/// <summary>Endless batches in an order that only the seed decides, so that every method sees the same.</summary>
internal sealed class Batches(IReadOnlyList<Example> examples, int size, int seed, Device device)
{
    /// <summary>The label of a position that does not count, as cross_entropy knows it.</summary>
    public const int Ignored = -100;

    private readonly Random random = new(seed);
    private readonly Queue<Example> waiting = [];

    /// <summary>Ids [batch, tokens], and for each position the id that follows, if it belongs to an answer.</summary>
    public (Tensor Ids, Tensor Labels) Next()
    {
        var batch = Enumerable.Range(0, size).Select(_ => Take()).ToList();
        var tokens = batch.Max(example => example.Length) - 1;
        var ids = new long[batch.Count, tokens];
        var labels = new long[batch.Count, tokens];
        for (var row = 0; row < batch.Count; row++)
        {
            int[] sequence = [.. batch[row].Prompt, .. batch[row].Answer];
            for (var i = 0; i < tokens; i++)
            {
                // What lies behind the end of a short sequence cannot be seen from within it, so any id will do.
                ids[row, i] = i < sequence.Length ? sequence[i] : 0;
                labels[row, i] = i + 1 >= batch[row].Prompt.Length && i + 1 < sequence.Length ? sequence[i + 1] : Ignored;
            }
        }

        return (tensor(ids, device: device), tensor(labels, device: device));
    }

    private Example Take()
    {
        if (waiting.Count == 0)
        {
            var order = examples.ToArray();
            random.Shuffle(order);
            Array.ForEach(order, waiting.Enqueue);
        }

        return waiting.Dequeue();
    }
}
