using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Marrow.Models;

/// <summary>
/// <c>softmax(q kᵀ · scale) v</c> among heads, what all attention of this library is once queries, keys and values are
/// there. While a model decodes (<see cref="CachedDecoding"/>), causal attention keeps keys and values and takes up the
/// former ones.
/// </summary>
/// <param name="Causal">Whether a token sees itself and those before it, or those after it too.</param>
/// <param name="Window">
/// A token sees those that are nearer than this: itself and window − 1 before it, and as many after it if not causal.
/// 0: all.
/// </param>
/// <param name="Scale">What scores are multiplied by; null: 1 / sqrt(head).</param>
/// <param name="SoftCap">If not 0, scores are c · tanh(score / c) with this c (arXiv 2408.00118).</param>
/// <param name="Dropout">Dropout on the weights of attention.</param>
internal readonly record struct ScaledAttention(
    bool Causal, int Window = 0, double? Scale = null, double SoftCap = 0, double Dropout = 0)
{
    /// <summary>Mixes values; keys and values may have fewer heads, which serve as many queries in a row.</summary>
    /// <param name="query">[batch, tokens, heads, head].</param>
    /// <param name="key">[batch, tokens, key heads, head].</param>
    /// <param name="value">As the key.</param>
    /// <param name="mask">
    /// What a query may see besides what causality and window leave: bool, broadcast to [batch, heads, queries, keys].
    /// Null: all.
    /// </param>
    /// <returns>[batch, tokens, heads · head].</returns>
    public Tensor Mix(Tensor query, Tensor key, Tensor value, Tensor? mask = null)
    {
        var (batch, tokens, heads, head) = (query.size(0), query.size(1), query.size(2), query.size(3));
        query = (Scale is { } scale ? query * (scale * Math.Sqrt(head)) : query).transpose(1, 2);
        (key, value) = (key.transpose(1, 2), value.transpose(1, 2));
        var cache = Causal ? CachedDecoding.Current?.NextCache() : null;
        var past = cache?.Length ?? 0;
        if (cache is not null)
        {
            (key, value) = cache.Append(key, value);
        }

        if (tokens == 1 && past > 0 && mask is null && SoftCap == 0)
        {
            return cache!.Attend(query.squeeze(2), Window).reshape(batch, 1, heads * head);
        }

        if (key.size(1) < heads)
        {
            var shared = heads / key.size(1);
            (key, value) = (key.repeat_interleave(shared, 1), value.repeat_interleave(shared, 1));
        }

        var isPlain = Causal && past == 0 && mask is null && (Window == 0 || Window >= tokens) && SoftCap == 0;
        var visible = isPlain ? null : Visible(tokens, past, mask, query.device);
        var mixed = SoftCap == 0
            ? scaled_dot_product_attention(query, key, value, visible, Dropout, is_casual: isPlain)
            : Capped(query, key, value, visible);
        return mixed.transpose(1, 2).reshape(batch, tokens, heads * head);
    }

    /// <summary>As the fused operation, which has no cap.</summary>
    private Tensor Capped(Tensor query, Tensor key, Tensor value, Tensor? visible)
    {
        var scores = (query.matmul(key.transpose(2, 3)) * (1 / (SoftCap * Math.Sqrt(query.size(3))))).tanh() * SoftCap;
        if (visible is not null)
        {
            scores = scores.masked_fill(visible.logical_not(), double.NegativeInfinity);
        }

        return dropout(scores.softmax(-1), Dropout, training: Dropout > 0).matmul(value);
    }

    /// <summary>What queries see, broadcast to [batch, heads, tokens, past + tokens]; null: all.</summary>
    private Tensor? Visible(long tokens, long past, Tensor? mask, Device device)
    {
        if (mask is not null && mask.dtype != ScalarType.Bool)
        {
            throw new ArgumentException($"A mask of attention says by bool what is seen; this is {mask.dtype}.");
        }

        if (!Causal && Window == 0)
        {
            return mask;
        }

        var near = ones([tokens, past + tokens], dtype: @bool, device: device).tril(Causal ? past : past + Window - 1);
        near = Window == 0 ? near : near.triu(past - Window + 1);
        return mask is null ? near : mask.logical_and(near);
    }
}
