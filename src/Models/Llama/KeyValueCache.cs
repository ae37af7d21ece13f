using Marrow.Layers;
using static TorchSharp.torch;

namespace Marrow.Models;

/// <summary>One layer's keys and values, [batch, heads, tokens, head], in buffers that grow by doubling.</summary>
/// <param name="context">The most tokens.</param>
internal sealed class KeyValueCache(long context) : IDisposable
{
    private const long FirstCapacity = 64;

    private Tensor? keys, values;

    /// <summary>How many tokens there are.</summary>
    public long Length { get; private set; }

    /// <summary>Appends those of the next tokens; gives those of all, as views.</summary>
    public (Tensor Keys, Tensor Values) Append(Tensor key, Tensor value)
    {
        var (tokens, end) = (key.shape[2], Length + key.shape[2]);
        if (keys is null || end > keys.shape[2])
        {
            var capacity = Math.Min(context, Math.Max(end, Math.Max(FirstCapacity, 2 * Length)));
            (keys, values) = (Grown(keys, key, capacity), Grown(values, value, capacity));
        }

        keys.narrow(2, Length, tokens).copy_(key);
        values!.narrow(2, Length, tokens).copy_(value);
        Length = end;
        return (keys.narrow(2, 0, end), values.narrow(2, 0, end));
    }

    /// <summary>Attention of one token [batch, query heads, head] over all tokens, to the same shape.</summary>
    public Tensor Attend(Tensor query) => TokenAttention.Run(query, keys!, values!, Length);

    /// <summary>Goes on with some sequences only.</summary>
    public void Keep(Tensor rows)
    {
        if (keys is not null)
        {
            (keys, values) = (Exchanged(keys, keys.index_select(0, rows.to(keys.device))),
                Exchanged(values!, values!.index_select(0, rows.to(values.device))));
        }
    }

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
