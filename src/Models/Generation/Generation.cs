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
    /// <param name="stop">Ends the generation between two tokens; what there is then is returned.</param>
    /// <returns>Each prompt with its continuation, which also ends where the model's context does.</returns>
    /// <exception cref="ArgumentException">
    /// A prompt is empty, longer than the model's context, or has ids that the model has not.
    /// </exception>
    /// <exception cref="ArithmeticException">The model's logits hold NaN.</exception>
    public static IReadOnlyList<int[]> Continue(
        ICausalModel model, IReadOnlyList<int[]> prompts, GenerationOptions options, CancellationToken stop = default)
    {
        var added = Stream(model, prompts, options, stop).ToLookup(token => token.Prompt, token => token.Id);
        return [.. prompts.Select((prompt, number) => (int[])[.. prompt, .. added[number]])];
    }

    /// <summary>
    /// Continues prompts as <see cref="Continue"/> does, and yields each token as it comes. Who takes no more tokens
    /// ends the generation.
    /// </summary>
    /// <param name="model">The model; evaluate it (<c>eval()</c>) if it has dropout.</param>
    /// <param name="prompts">Token ids, at least one each.</param>
    /// <param name="options">How to continue them.</param>
    /// <param name="stop">Ends the generation between two tokens.</param>
    /// <returns>The new tokens, each with the number of its prompt.</returns>
    /// <exception cref="ArgumentException">
    /// A prompt is empty, longer than the model's context, or has ids that the model has not.
    /// </exception>
    /// <exception cref="ArithmeticException">The model's logits hold NaN.</exception>
    public static IEnumerable<GeneratedToken> Stream(
        ICausalModel model, IReadOnlyList<int[]> prompts, GenerationOptions options, CancellationToken stop = default)
    {
        var vocabulary = VocabularySize.Of(model);
        foreach (var (number, prompt) in prompts.Index())
        {
            if (Fault(prompt, model.Context, vocabulary) is { } fault)
            {
                throw new ArgumentException($"Prompt {number} (counted from 0) {fault}.", nameof(prompts));
            }
        }

        return Run(model, [.. prompts.Select(prompt => new List<int>(prompt))], options.Checked(), stop);
    }

    /// <summary>What is wrong with a prompt and what to do, as the end of a sentence; null if nothing is.</summary>
    private static string? Fault(int[] prompt, int? context, long? vocabulary) =>
        prompt.Length == 0 ? "has no token; begin it with the tokenizer's first id"
        : prompt.Length > context
            ? $"has {prompt.Length} tokens, more than the model's context of {context}; shorten it"
        : prompt.Any(id => id < 0 || id >= vocabulary)
            ? $"has id {prompt.First(id => id < 0 || id >= vocabulary)}, which is not in the model's vocabulary of "
                + $"{vocabulary}; use the tokenizer that came with the model"
        : null;

    private static IEnumerable<GeneratedToken> Run(
        ICausalModel model, List<List<int>> texts, GenerationOptions options, CancellationToken stop)
    {
        var limit = model.Context ?? int.MaxValue;
        var lengths = texts.Select(text => text.Count).ToList();
        var running = Enumerable.Range(0, texts.Count).Where(row => lengths[row] < limit).ToList();
        if (running.Count == 0)
        {
            yield break;
        }

        using var sampling = new Sampling(options);
        using var decoding = model.StartDecoding(running.Count);
        for (var read = 0; running.Count > 0 && !stop.IsCancellationRequested;)
        {
            var next = running.Min(row => texts[row].Count);
            var chosen = Next(model, decoding, sampling, [.. running.Select(row => texts[row][read..next])]);
            read = next;
            foreach (var (row, id) in running.Zip(chosen).Where(pair => texts[pair.First].Count == read))
            {
                texts[row].Add(id);
                yield return new(row, id);
            }

            var kept = Enumerable.Range(0, running.Count).Where(i => !IsDone(running[i])).ToList();
            if (kept.Count < running.Count && kept.Count > 0)
            {
                decoding.Keep(kept);
            }

            running = [.. kept.Select(i => running[i])];
        }

        bool IsDone(int row)
        {
            var (text, added) = (texts[row], texts[row].Count - lengths[row]);
            return added > 0 && (
                added >= options.Count || text.Count >= limit || options.Stops?.Contains(text[^1]) == true
                || options.IsDone?.Invoke(text[lengths[row]..]) == true);
        }
    }

    /// <summary>Reads the next ids of all sequences; what follows each.</summary>
    private static int[] Next(ICausalModel model, Decoding decoding, Sampling sampling, IReadOnlyList<List<int>> unread)
    {
        using var scope = NewDisposeScope();
        var ids = tensor(unread.SelectMany(text => text).Select(id => (long)id).ToArray()).view(unread.Count, -1);
        return sampling.Next(decoding.Append(ids.to(model.Module.parameters().First().device)));
    }
}

/// <summary>A token that a model added to a prompt.</summary>
/// <param name="Prompt">The prompt's number.</param>
/// <param name="Id">The token.</param>
public readonly record struct GeneratedToken(int Prompt, int Id);
