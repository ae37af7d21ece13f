using System.Text.Json;
using System.Text.Json.Nodes;
using static TorchSharp.torch;

namespace Marrow.Models;

/// <summary>
/// GPT-2 (Radford et al., 2019): a decoder with learned positions, layer norms and fused queries, keys and values.
/// Layer names and the [in, out] layout of its weights are those of Hugging Face's checkpoints, with "transformer." in
/// front or without.
/// </summary>
/// <param name="sizes">The sizes; <see cref="Gpt2Sizes.Read"/> reads those of a checkpoint.</param>
[Model]
[Checkpoint(
    Prefix = "transformer.",
    Unprefixed = "lm_head",
    Transpose = "*.c_attn|*.c_proj|*.c_fc",
    Ignore = "*.attn.bias|*.attn.masked_bias|lm_head.weight")] // masks; tied ones may hold the head again
[Rename("*", "transformer.*")]
public partial class Gpt2(Gpt2Sizes sizes) : IPretrained, ICausalModel
{
    /// <summary>Token ids to vectors.</summary>
    [Embedding("sizes.Vocabulary", "sizes.Hidden"), Name("transformer.wte")]
    public partial Embedding Wte { get; }

    /// <summary>Positions to vectors.</summary>
    [Embedding("sizes.Context", "sizes.Hidden"), Name("transformer.wpe")]
    public partial Embedding Wpe { get; }

    /// <summary>Dropout on their sum.</summary>
    [Dropout("sizes.EmbeddingDropout"), Name("transformer.drop")]
    public partial Dropout Drop { get; }

    /// <summary>The blocks.</summary>
    [Block(nameof(sizes), "index", Count = "sizes.Layers"), Name("transformer.h")]
    public partial ModuleList<Gpt2Block> H { get; }

    /// <summary>The last norm.</summary>
    [LayerNorm("sizes.Hidden", Eps = "sizes.NormEps"), Name("transformer.ln_f")]
    public partial LayerNorm LnF { get; }

    /// <summary>The output head.</summary>
    [Head]
    [Linear("sizes.Hidden", "sizes.Vocabulary", Bias = false, Tie = nameof(Wte), TieWhen = "sizes.Tied")]
    public partial Linear LmHead { get; }

    /// <inheritdoc/>
    public int? Context => sizes.Context;

    /// <inheritdoc/>
    public Decoding StartDecoding(int batch) => new CachedDecoding(this, batch);

    /// <inheritdoc/>
    public IEnumerable<string> ConfigurationFaults(JsonElement configuration) =>
        Gpt2Configuration.Faults(configuration, sizes);

    /// <inheritdoc/>
    public JsonObject Configuration() => Gpt2Configuration.Write(sizes);

    /// <summary>Token ids [batch, tokens] to logits [batch, tokens, vocabulary].</summary>
    [Forward]
    private Tensor Network(Tensor ids)
    {
        var (first, end) = (CachedDecoding.Position, CachedDecoding.Position + ids.size(1));
        if (end > sizes.Context)
        {
            throw new ArgumentException(
                $"A sequence of {end} tokens is longer than the model's context of {sizes.Context}.");
        }

        var x = Drop.call(Wte.call(ids) + Wpe.call(arange(first, end, device: ids.device)));
        foreach (var block in H)
        {
            x = block.call(x);
        }

        return CausalHead.Apply(x, stream => LmHead.call(LnF.call(stream)));
    }
}
