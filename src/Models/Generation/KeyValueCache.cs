using Marrow.Layers;
using static TorchSharp.torch;

namespace Marrow.Models;

/// <summary>
/// One attention's keys and values of the tokens so far, [batch, heads, tokens, head], in buffers that grow by
/// doubling. For use without gradients.
/// </summary>
/// <param name="context">The most tokens.</param>
public sealed class KeyValueCache(long context) : IDisposable
{
    private const long FirstCapacity = 64;

    private Tensor? keys, values;

    /// <summary>How many tokens there are.</summary>
    public long Length { get; private set; }

    /// <summary>Appends those of the next tokens.</summary>
    /// <param name="key">[batch, heads, tokens, head].</param>
    /// <param name="value">Likewise.</param>
    /// <returns>Those of all tokens, [batch, heads, <see cref="Length"/>, head]: views, to be used before the next
    /// call.</returns>
    /// <exception cref="ArgumentException">There would be more tokens than the context has.</exception>
    public (Tensor Keys, Tensor Values) Append(Tensor key, Tensor value)
    {
        var (tokens, end) = (key.size(2), Length + key.size(2));
        if (end > context)
        {
            throw new ArgumentException($"{end} tokens are more than the cache's context of {context}.", nameof(key));
        }

        if (keys is null || end > keys.size(2))
        {
            var capacity = Math.Min(context, Math.Max(end, Math.Max(FirstCapacity, 2 * Length)));
            (keys, values) = (Grown(keys, key, capacity), Grown(values, value, capacity));
        }

        keys.narrow(2, Length, tokens).copy_(key);
        values!.narrow(2, Length, tokens).copy_(value);
        Length = end;
        return (keys.narrow(2, 0, end), values.narrow(2, 0, end));
    }

    /// <summary>Attention of the last token over all, itself included: <c>softmax(q Kᵀ / sqrt(d)) V</c>.</summary>
    /// <param name="query">
    /// [batch, query heads, head]; each key head serves as many query heads in a row.
    /// </param>
    /// <param name="window">Over how many of the last tokens; 0: all.</param>
    /// <returns>As the query.</returns>
    /// <exception cref="InvalidOperationException">The cache is empty.</exception>
    public Tensor Attend(Tensor query, long window = 0)
    {
        if (keys is null || values is null)
        {
            throw new InvalidOperationException("There are no keys yet; append the token's own first.");
        }

        if (window == 0 || window >= Length)
        {
            return TokenAttention.Run(query, keys, values, Length);
        }

        using var scope = NewDisposeScope();
        var grouped = query.view(query.size(0), keys.size(1), -1, query.size(2));
        var first = Length - window;
        return scope.MoveToOuter(nn.functional.scaled_dot_product_attention(
            grouped, keys.narrow(2, first, window), values.narrow(2, first, window)).reshape(query.shape));
    }

    /// <summary>Goes on with some of the sequences only, in this order.</summary>
    /// <param name="rows">Their present numbers, int64.</param>
    public void Keep(Tensor rows)
    {
        if (keys is not null)
        {
            (keys, values) = (Exchanged(keys, keys.index_select(0, rows.to(keys.device))),
                Exchanged(values!, values!.index_select(0, rows.to(values.device))));
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        keys?.Dispose();
        values?.Dispose();
    }

    private Tensor Grown(Tensor? old, Tensor like, long capacity)
    {
        var grown = empty(
            [like.shape[0], like.shape[1], capacity, like.shape[3]], dtype: like.dtype, device: like.device);
        if (old is null)
        {
            return grown.DetachFromDisposeScope();
        }

        grown.narrow(2, 0, Length).copy_(old.narrow(2, 0, Length));
        return Exchanged(old, grown);
    }

    private static Tensor Exchanged(Tensor old, Tensor fresh)
    {
        old.Dispose();
        return fresh.DetachFromDisposeScope();
    }
}
