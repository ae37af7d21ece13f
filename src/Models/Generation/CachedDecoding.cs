using static TorchSharp.torch;

namespace Marrow.Models;

/// <summary>
/// Decoding of a model whose past is the keys and values of its attentions. Each pass runs the model itself, on the new
/// tokens only; while it runs, attentions take their caches from <see cref="Current"/>, as <see cref="SelfAttention"/>
/// does, and tokens are counted from <see cref="Position"/>. So a model states its network once:
/// <code>
/// public Decoding StartDecoding(int batch) => new CachedDecoding(this, batch);
/// </code>
/// </summary>
/// <param name="model">The model, from token ids [batch, tokens] to logits [batch, tokens, vocabulary].</param>
/// <param name="batch">How many sequences.</param>
public sealed class CachedDecoding(ICausalModel model, int batch) : Decoding(batch)
{
    [ThreadStatic]
    private static CachedDecoding? current;

    private readonly List<KeyValueCache> caches = [];
    private int next;

    /// <summary>The decoding whose pass runs on this thread; null in an ordinary forward pass.</summary>
    public static CachedDecoding? Current => current;

    /// <summary>The position of the first of the tokens that a pass is given; 0 in an ordinary one.</summary>
    public static long Position => current?.Length ?? 0;

    /// <summary>
    /// What the output head needs: in decoding the last position alone, whose logits are asked for; all otherwise.
    /// </summary>
    /// <param name="x">[batch, tokens, width].</param>
    /// <returns>[batch, 1, width] in decoding, x otherwise.</returns>
    public static Tensor Last(Tensor x) => current is null ? x : x.narrow(1, x.size(1) - 1, 1);

    /// <summary>
    /// The cache of the attention that asks. It belongs to the place of the call in the pass: first call, second call,
    /// …; so attentions that share weights have a past each.
    /// </summary>
    /// <exception cref="InvalidOperationException">In the passes before there were other attentions.</exception>
    public KeyValueCache NextCache()
    {
        if (next == caches.Count)
        {
            caches.Add(new KeyValueCache(model.Context ?? long.MaxValue));
        }

        var cache = caches[next++];
        return cache.Length == Length ? cache : throw Inconsistent();
    }

    /// <inheritdoc/>
    public override void Dispose() => caches.ForEach(cache => cache.Dispose());

    /// <inheritdoc/>
    protected override Tensor Run(Tensor ids)
    {
        var end = Length + ids.size(1);
        if (end > model.Context)
        {
            throw new ArgumentException(
                $"A sequence of {end} tokens is longer than the model's context of {model.Context}.");
        }

        var outer = current;
        (current, next) = (this, 0);
        try
        {
            var logits = ((nn.Module<Tensor, Tensor>)model.Module).call(ids);
            return caches.Count > 0 && caches.All(cache => cache.Length == end)
                ? logits.select(1, logits.size(1) - 1)
                : throw Inconsistent();
        }
        finally
        {
            current = outer;
        }
    }

    /// <inheritdoc/>
    protected override void KeepRows(Tensor rows) => caches.ForEach(cache => cache.Keep(rows));

    private InvalidOperationException Inconsistent() => new(
        $"{model.GetType().Name} cannot be decoded: every pass must append the keys and values of all its tokens to "
        + $"the same caches, but {caches.Count(cache => cache.Length > Length)} of {caches.Count} went on. Use "
        + "SelfAttention, or let your attention append to CachedDecoding.Current.NextCache(); start a new decoding "
        + "after a pass that failed.");
}
