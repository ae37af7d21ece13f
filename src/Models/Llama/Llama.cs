using System.Text.Json;
using System.Text.Json.Nodes;
using static TorchSharp.torch;

namespace Marrow.Models;

/// <summary>
/// LLaMA (arXiv 2302.13971, 2307.09288): a decoder of pre-normalized blocks with rotary attention, grouped key and
/// value heads, and a gated MLP. Layer names are those of Hugging Face's checkpoints.
/// </summary>
/// <param name="vocabulary">Number of token ids.</param>
/// <param name="hidden">Width of the residual stream.</param>
/// <param name="intermediate">Width inside the MLP.</param>
/// <param name="layers">Number of blocks.</param>
/// <param name="heads">Query heads; divides <paramref name="hidden"/>.</param>
/// <param name="keyValueHeads">Key and value heads; divides <paramref name="heads"/>.</param>
/// <param name="context">The longest sequence.</param>
/// <param name="normEps">Added to the mean square in the norms.</param>
/// <param name="ropeTheta">Base of the rotary angles.</param>
/// <param name="tied">Whether the output head shares the embedding's weight.</param>
[Model, Checkpoint(Ignore = "*.rotary_emb.inv_freq|lm_head.weight")] // old ones; tied ones may hold the head again
public partial class Llama(
    int vocabulary,
    int hidden,
    int intermediate,
    int layers,
    int heads,
    int keyValueHeads,
    int context = 4096,
    double normEps = 1e-5,
    double ropeTheta = 10000,
    bool tied = false) : IPretrained, ICausalModel
{
    /// <summary>Token ids to vectors.</summary>
    [Embedding(nameof(vocabulary), nameof(hidden)), Name("model.embed_tokens")]
    public partial Embedding EmbedTokens { get; }

    /// <summary>The blocks.</summary>
    [Block(
        nameof(hidden),
        nameof(intermediate),
        nameof(heads),
        nameof(keyValueHeads),
        nameof(normEps),
        Count = nameof(layers))]
    [Name("model.layers")]
    public partial ModuleList<LlamaBlock> Layers { get; }

    /// <summary>The last norm.</summary>
    [RmsNorm(nameof(hidden), Eps = nameof(normEps)), Name("model.norm")]
    public partial RmsNorm Norm { get; }

    /// <summary>The output head.</summary>
    [Head]
    [Linear(nameof(hidden), nameof(vocabulary), Bias = false, Tie = nameof(EmbedTokens), TieWhen = nameof(tied))]
    public partial Linear LmHead { get; }

    /// <summary>Cosines and sines of the rotary angles, [2, context, head].</summary>
    [Buffer(2, nameof(context), "hidden / heads", Init = nameof(RotaryTable))]
    protected partial Tensor Rotary { get; }

    /// <inheritdoc/>
    public int? Context => context;

    private LlamaSizes Sizes => new(
        vocabulary, hidden, intermediate, layers, heads, keyValueHeads, context, normEps, ropeTheta, tied);

    /// <summary>Token ids [batch, tokens] to logits [batch, tokens, vocabulary].</summary>
    [Forward]
    private Tensor Network(Tensor ids)
    {
        var (position, tokens) = (CachedDecoding.Position, ids.size(1));
        if (position + tokens > context)
        {
            throw new ArgumentException(
                $"A sequence of {position + tokens} tokens is longer than the model's context of {context}.");
        }

        var rotary = Rotary.narrow(1, position, tokens);
        var x = EmbedTokens.call(ids);
        foreach (var layer in Layers)
        {
            x = layer.call(x, rotary);
        }

        return LmHead.call(Norm.call(CachedDecoding.Last(x)));
    }

    /// <inheritdoc/>
    public Decoding StartDecoding(int batch) => new CachedDecoding(this, batch);

    /// <inheritdoc/>
    public IEnumerable<string> ConfigurationFaults(JsonElement configuration) =>
        LlamaConfiguration.Faults(configuration, Sizes);

    /// <inheritdoc/>
    public JsonObject Configuration() => LlamaConfiguration.Write(Sizes);

    private Tensor RotaryTable() => SelfAttention.RotaryTable(context, hidden / heads, ropeTheta);
}
