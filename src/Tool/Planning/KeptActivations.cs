using Marrow.Models;

namespace Marrow.Tool.Planning;

/// <summary>
/// Bytes that a forward pass keeps of each token until the backward pass, added up from what its operations keep. Each
/// tensor counts once, however many operations keep it. docs/tool.md states the sums.
/// </summary>
/// <param name="training">Which layers train.</param>
/// <param name="size">Bytes of a value.</param>
/// <param name="isFused">Whether the CPU's fused kernels run, which keep less.</param>
/// <param name="length">Tokens of a sequence.</param>
internal sealed class KeptActivations(LayerTraining training, int size, bool isFused, int length)
{
    /// <summary>Bytes of a token in the whole model, logits aside.</summary>
    /// <param name="sizes">The model's sizes.</param>
    public long OfToken(object sizes) => sizes switch
    {
        DecoderSizes decoder => Blocks(decoder.Layers, layer => Decoder(decoder, layer))
            + Norm(decoder.Hidden, "model.norm"),
        Gpt2Sizes gpt2 => Blocks(gpt2.Layers, layer => Gpt2(gpt2, layer)) + LayerNorm(gpt2.Hidden),
        Rwkv6Sizes rwkv => Blocks(rwkv.Layers, layer => Rwkv6(rwkv, layer)) + LayerNorm(rwkv.Width),
        _ => throw new ArgumentOutOfRangeException(nameof(sizes), sizes, "These are no model's sizes."),
    };

    /// <summary>
    /// Bytes of a token's logits: as they are, in float32, and as the gradient of the loss by them.
    /// </summary>
    /// <param name="vocabulary">How many there are.</param>
    public long OfLogits(long vocabulary) => vocabulary * ((3 * 4) + (size == 4 ? 0 : size));

    private static long Blocks(int count, Func<int, long> block, int first) =>
        Enumerable.Range(0, count).Where(layer => layer >= first).Sum(block);

    private long Blocks(int count, Func<int, long> block) => Blocks(count, block, training.FirstBlock);

    private long Decoder(DecoderSizes sizes, int layer)
    {
        var block = $"model.layers.{layer}.";
        var (attention, mlp) = (block + "self_attn.", block + "mlp.");
        var (hidden, inner) = ((long)sizes.Hidden, (long)sizes.Intermediate);
        var (queries, keys) = ((long)sizes.Heads * sizes.HeadSize, (long)sizes.KeyValueHeads * sizes.HeadSize);
        var norms = sizes.PostNorms
            ? ["input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm", "post_feedforward_layernorm"]
            : new[] { "input_layernorm", "post_attention_layernorm" };
        var values = training.KeptBeside(block)
            + Input(hidden, attention + "q_proj", attention + "k_proj", attention + "v_proj", attention + "qkv_proj")
            + Input(hidden, mlp + "gate_proj", mlp + "up_proj", mlp + "gate_up_proj")
            + Input(inner, mlp + "down_proj")
            + (3 * inner) // the gate, its activation, and what it is multiplied by
            + (4 * queries); // queries, keys and values of every head, and what they mix to
        return (values * size)
            + norms.Sum(norm => Norm(hidden, block + norm))
            + (sizes.QkNorms ? Norm(queries, attention + "q_norm") + Norm(keys, attention + "k_norm") : 0)
            + Scores(sizes.Heads, sizes.AttentionSoftCap > 0 ? 4 : 0, sizes.AttentionDropout);
    }

    private long Gpt2(Gpt2Sizes sizes, int layer)
    {
        var block = $"transformer.h.{layer}.";
        var (hidden, inner) = ((long)sizes.Hidden, (long)(sizes.Intermediate ?? 4 * sizes.Hidden));
        var values = training.KeptBeside(block)
            + Input(hidden, block + "attn.c_attn")
            + Input(hidden, block + "mlp.c_fc")
            + Input(inner, block + "mlp.c_proj")
            + inner // what the activation is of
            + (4 * hidden);
        return (values * size)
            + (2 * LayerNorm(hidden))
            + (sizes.ResidualDropout > 0 ? 2 * hidden : 0) // masks, a byte an entry
            + Scores(sizes.Heads, 0, sizes.AttentionDropout);
    }

    private long Rwkv6(Rwkv6Sizes sizes, int layer)
    {
        var block = $"blocks.{layer}.";
        var (mix, channels) = (block + "att.", block + "ffn.");
        var (width, inner) = ((long)sizes.Width, (long)sizes.Inner);
        var values = training.KeptBeside(block)
            + new[] { "key", "value", "receptance", "gate", "output" }.Sum(name => Input(width, mix + name))
            + new[] { "key", "receptance" }.Sum(name => Input(width, channels + name))
            + Input(inner, channels + "value")
            + (6 * width) // differences of neighbors, and their five mixings
            + (5L * sizes.MixRank) + sizes.DecayRank
            + (3 * width) // receptance, key, value
            + (4 * width) // the gate and its activation, what the norm behind the recurrence takes and gives
            + inner + (2 * width); // the key, the receptance and what it gates
        return (values * size) + (2 * 4 * width) + (2 * LayerNorm(width)); // decays are in float32
    }

    private long Input(long width, params string[] layers) => training.KeepsInput(layers) ? width : 0;

    /// <summary>
    /// An RMSNorm keeps its input; without a kernel of its own in float32, and what it scales if it trains.
    /// </summary>
    private long Norm(long width, string name) => isFused
        ? width * size
        : (width * 4) + (training.IsWhole(name) ? width * size : 0);

    private long LayerNorm(long width) => width * size;

    /// <summary>Attention is computed in blocks, but with dropout or a cap it keeps every score.</summary>
    private long Scores(long heads, int kept, double dropout) =>
        (heads * 4) + (heads * length * ((kept * size) + (dropout > 0 ? (3 * size) + 1 : 0)));
}
