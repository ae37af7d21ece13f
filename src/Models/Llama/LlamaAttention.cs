using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Marrow.Models;

/// <summary>Causal attention of <see cref="Llama"/> with rotary positions; key and value heads may be fewer.</summary>
/// <param name="hidden">Width of the residual stream.</param>
/// <param name="heads">Query heads.</param>
/// <param name="keyValueHeads">Key and value heads; each serves heads / keyValueHeads query heads in a row.</param>
[Model]
public partial class LlamaAttention(int hidden, int heads, int keyValueHeads)
{
    /// <summary>Queries.</summary>
    [Linear(nameof(hidden), nameof(hidden), Bias = false)]
    public partial Linear QProj { get; }

    /// <summary>Keys.</summary>
    [Linear(nameof(hidden), "hidden / heads * keyValueHeads", Bias = false)]
    public partial Linear KProj { get; }

    /// <summary>Values.</summary>
    [Linear(nameof(hidden), "hidden / heads * keyValueHeads", Bias = false)]
    public partial Linear VProj { get; }

    /// <summary>Back to the stream.</summary>
    [Linear(nameof(hidden), nameof(hidden), Bias = false)]
    public partial Linear OProj { get; }

    /// <summary>x [batch, tokens, hidden] and the rotary tables [tokens, head] to the same shape as x.</summary>
    [Forward]
    private Tensor Network(Tensor x, Tensor cos, Tensor sin) => Attend(x, cos, sin, cache: null);

    /// <summary>The same for tokens that follow those in a cache, which takes them up.</summary>
    internal Tensor Attend(Tensor x, Tensor cos, Tensor sin, KeyValueCache? cache)
    {
        var query = RotaryEmbedding.Rotate(Heads(QProj.call(x), heads), cos, sin).transpose(1, 2);
        var key = RotaryEmbedding.Rotate(Heads(KProj.call(x), keyValueHeads), cos, sin).transpose(1, 2);
        var value = Heads(VProj.call(x), keyValueHeads).transpose(1, 2);
        var past = cache?.Length ?? 0;
        if (cache is not null)
        {
            (key, value) = cache.Append(key, value);
        }

        if (x.shape[1] == 1 && past > 0)
        {
            return OProj.call(cache!.Attend(query.squeeze(2)).reshape(x.shape)); // one token sees all others
        }

        if (keyValueHeads < heads)
        {
            key = key.repeat_interleave(heads / keyValueHeads, 1);
            value = value.repeat_interleave(heads / keyValueHeads, 1);
        }

        var mixed = past == 0
            ? scaled_dot_product_attention(query, key, value, is_casual: true)
            : scaled_dot_product_attention(
                query, key, value, ones([x.shape[1], past + x.shape[1]], dtype: @bool, device: x.device).tril(past));
        return OProj.call(mixed.transpose(1, 2).reshape(x.shape));
    }

    /// <summary>[batch, tokens, count · head] to [batch, tokens, count, head].</summary>
    private static Tensor Heads(Tensor x, long count) => x.view(x.shape[0], x.shape[1], count, -1);
}
