using static TorchSharp.torch;

namespace Marrow.Models;

/// <summary>Text generation with causal language models.</summary>
public static class Generation
{
    /// <summary>
    /// Continues prompts, all in one batch. They may differ in length: while a longer one is still being read, the
    /// shorter ones are continued already, so that all sequences stay equally long and need no padding.
    /// </summary>
    /// <param name="model">The model; evaluate it (<c>eval()</c>) if it has dropout.</param>
    /// <param name="prompts">Token ids, at least one each.</param>
    /// <param name="options">How to continue them.</param>
    /// <param name="report">Told each new token with its prompt's number, as it comes.</param>
    /// <param name="stop">Ends the generation between two tokens; what there is then is returned.</param>
    /// <returns>Each prompt with its continuation, which also ends where the model's context does.</returns>
    /// <exception cref="ArgumentException">A prompt is empty.</exception>
    public static IReadOnlyList<int[]> Continue(
        ICausalModel model,
        IReadOnlyList<int[]> prompts,
        GenerationOptions options,
        Action<int, int>? report = null,
        CancellationToken stop = default)
    {
        var texts = prompts.Select(prompt => prompt.Length > 0
            ? new List<int>(prompt)
            : throw new ArgumentException(
                "A prompt has no token; begin it with the tokenizer's first id.", nameof(prompts))).ToList();
        var limit = model.Context ?? int.MaxValue;
        var running = Enumerable.Range(0, texts.Count).Where(row => texts[row].Count < limit).ToList();
        if (running.Count == 0)
        {
            return [.. prompts];
        }

        using var sampling = new Sampling(options.Checked());
        using var decoding = model.StartDecoding(running.Count);
        var device = model.Module.parameters().First().device;
        for (var read = 0; running.Count > 0 && !stop.IsCancellationRequested;)
        {
            using var scope = NewDisposeScope();
            var next = running.Min(row => texts[row].Count);
            var unread = running.SelectMany(row => texts[row].Skip(read).Take(next - read));
            var ids = tensor(unread.Select(id => (long)id).ToArray()).view(running.Count, -1);
            var chosen = sampling.Next(decoding.Append(ids.to(device)));
            read = next;
            foreach (var (row, id) in running.Zip(chosen))
            {
                if (texts[row].Count == read)
                {
                    texts[row].Add(id);
                    report?.Invoke(row, id);
                }
            }

            var kept = Enumerable.Range(0, running.Count).Where(i => !IsDone(running[i])).ToList();
            if (kept.Count < running.Count && kept.Count > 0)
            {
                decoding.Keep(kept);
            }

            running = [.. kept.Select(i => running[i])];
        }

        return [.. texts.Select(text => text.ToArray())];

        bool IsDone(int row)
        {
            var (text, added) = (texts[row], texts[row].Count - prompts[row].Length);
            return added > 0 && (
                added >= options.Count || text.Count >= limit || options.Stops?.Contains(text[^1]) == true);
        }
    }
}
