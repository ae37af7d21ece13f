using System.Text.Json;
using System.Text.Json.Nodes;
using static TorchSharp.torch;

namespace Marrow.Models;

/// <summary>
/// The decoder that today's language models are: pre-normalized blocks of rotary attention and a gated MLP. Its sizes
/// say which family it is: LLaMA 1 to 3.3 and what shares its form (TinyLlama, SmolLM2), Mistral, Qwen2 and 2.5, Qwen3,
/// Gemma 2 and 3 (text), Phi-3. Layer names are those of Hugging Face's checkpoints.
/// </summary>
/// <param name="sizes">The sizes; <see cref="DecoderSizes.Read"/> reads those of a checkpoint.</param>
[Model, Checkpoint(Ignore = "*.rotary_emb.inv_freq|lm_head.weight")] // old ones; tied ones may hold the head again
public partial class Decoder(DecoderSizes sizes) : IPretrained, ICausalModel
{
    private readonly RotaryTable rotary = new(sizes.RopeTheta, sizes.RotaryWidth, sizes.Rope);

    private readonly RotaryTable windowedRotary = new(
        sizes.WindowedRopeTheta ?? sizes.RopeTheta,
        sizes.RotaryWidth,
        sizes.WindowedRopeTheta is null ? sizes.Rope : null);

    /// <summary>Token ids to vectors.</summary>
    [Embedding("sizes.Vocabulary", "sizes.Hidden"), Name("model.embed_tokens")]
    public partial Embedding EmbedTokens { get; }

    /// <summary>The blocks.</summary>
    [Block(nameof(sizes), "index", Count = "sizes.Layers"), Name("model.layers")]
    public partial ModuleList<DecoderBlock> Layers { get; }

    /// <summary>The last norm.</summary>
    [RmsNorm("sizes.Hidden", Eps = "sizes.NormEps", ZeroCentered = "sizes.ZeroCenteredNorms"), Name("model.norm")]
    public partial RmsNorm Norm { get; }

    /// <summary>The output head.</summary>
    [Head]
    [Linear("sizes.Hidden", "sizes.Vocabulary", Bias = false, Tie = nameof(EmbedTokens), TieWhen = "sizes.Tied")]
    public partial Linear LmHead { get; }

    /// <inheritdoc/>
    public int? Context => sizes.Context;

    /// <inheritdoc/>
    public Decoding StartDecoding(int batch) => new CachedDecoding(this, batch);

    /// <inheritdoc/>
    public IEnumerable<string> ConfigurationFaults(JsonElement configuration) =>
        DecoderConfiguration.Faults(configuration, sizes);

    /// <inheritdoc/>
    public JsonObject Configuration() => DecoderConfiguration.Write(sizes);

    /// <summary>Token ids [batch, tokens] to logits [batch, tokens, vocabulary].</summary>
    [Forward]
    private Tensor Network(Tensor ids)
    {
        var (position, tokens) = (CachedDecoding.Position, ids.size(1));
        if (position + tokens > sizes.Context)
        {
            throw new ArgumentException(
                $"A sequence of {position + tokens} tokens is longer than the model's context of {sizes.Context}.");
        }

        var x = EmbedTokens.call(ids);
        var table = rotary.At(position, tokens, x);
        var windowedTable = sizes.WindowedRopeTheta is null ? table : windowedRotary.At(position, tokens, x);
        x = sizes.ScaledEmbedding ? x * tensor(Math.Sqrt(sizes.Hidden), x.dtype, x.device) : x;
        foreach (var layer in Layers)
        {
            x = layer.call(x, layer.IsWindowed ? windowedTable : table);
        }

        return CausalHead.Apply(x, Logits);
    }

    private Tensor Logits(Tensor stream)
    {
        var logits = LmHead.call(Norm.call(stream));
        return sizes.LogitSoftCap == 0 ? logits : (logits / sizes.LogitSoftCap).tanh() * sizes.LogitSoftCap;
    }
}
