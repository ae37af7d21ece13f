using static TorchSharp.torch;

namespace Marrow.Models;

/// <summary>Text generation with causal language models.</summary>
public static class Generation
{
    /// <summary>
    /// Continues prompts greedily, all in one batch. Prompts may differ in length: what lies behind the end of a
    /// shorter one cannot be seen by it, because the model is causal.
    /// </summary>
    /// <param name="model">Token ids [batch, tokens] to logits [batch, tokens, vocabulary].</param>
    /// <param name="prompts">Token ids, at least one each.</param>
    /// <param name="count">The most tokens to add to each.</param>
    /// <param name="stop">An id that ends a continuation (kept in it), or null.</param>
    /// <param name="device">The model's device; the CPU if null.</param>
    /// <param name="limit">The most tokens of a prompt with its continuation: the model's context, or null.</param>
    /// <returns>Each prompt with its continuation.</returns>
    public static IReadOnlyList<int[]> Greedy(
        nn.Module<Tensor, Tensor> model,
        IReadOnlyList<int[]> prompts,
        int count,
        int? stop = null,
        Device? device = null,
        int? limit = null)
    {
        using var noGrad = no_grad();
        var texts = prompts.Select(prompt => new List<int>(prompt)).ToList();
        var running = texts.Where(text => text.Count > 0 && !(text.Count >= limit)).ToList();
        for (var step = 0; step < count && running.Count > 0; step++)
        {
            using var scope = NewDisposeScope();
            var longest = running.Max(text => text.Count);
            var ids = zeros(running.Count, longest, dtype: int64);
            for (var row = 0; row < running.Count; row++)
            {
                ids[row, ..running[row].Count] = tensor(running[row].Select(id => (long)id).ToArray());
            }

            var last = tensor(running.Select(text => text.Count - 1L).ToArray(), device: device);
            var logits = model.call(ids.to(device ?? CPU));
            var next = logits[arange(running.Count, device: device), last].argmax(-1).cpu().data<long>().ToArray();
            for (var row = 0; row < running.Count; row++)
            {
                running[row].Add((int)next[row]);
            }

            running = [.. running.Where(text => text[^1] != stop && !(text.Count >= limit))];
        }

        return [.. texts.Select(text => text.ToArray())];
    }
}
