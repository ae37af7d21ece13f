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

    /// <summary>Cosines of the rotary angles, [context, head].</summary>
    [Buffer(nameof(context), "hidden / heads", Init = nameof(Cosines))]
    protected partial Tensor RotaryCos { get; }

    /// <summary>Sines of the rotary angles, [context, head].</summary>
    [Buffer(nameof(context), "hidden / heads", Init = nameof(Sines))]
    protected partial Tensor RotarySin { get; }

    /// <inheritdoc/>
    public int? Context => context;

    private LlamaSizes Sizes => new(
        vocabulary, hidden, intermediate, layers, heads, keyValueHeads, context, normEps, ropeTheta, tied);

    /// <summary>Token ids [batch, tokens] to logits [batch, tokens, vocabulary].</summary>
    [Forward]
    private Tensor Network(Tensor ids)
    {
        var (cos, sin) = Rotary(0, ids.shape[^1]);
        var x = EmbedTokens.call(ids);
        foreach (var layer in Layers)
        {
            x = layer.call(x, cos, sin);
        }

        return LmHead.call(Norm.call(x));
    }

    /// <inheritdoc/>
    public Decoding StartDecoding(int batch) => new LlamaDecoding(this, batch);

    /// <summary>Logits [batch, vocabulary] behind the last of the tokens that follow those in the caches.</summary>
    /// <param name="ids">[batch, tokens].</param>
    /// <param name="position">How many tokens are in the caches.</param>
    /// <param name="caches">One for each block.</param>
    internal Tensor Decode(Tensor ids, long position, IReadOnlyList<KeyValueCache> caches)
    {
        var (cos, sin) = Rotary(position, ids.shape[1]);
        var x = EmbedTokens.call(ids);
        foreach (var (layer, cache) in Layers.Zip(caches))
        {
            x = layer.Decode(x, cos, sin, cache);
        }

        return LmHead.call(Norm.call(x.select(1, x.shape[1] - 1)));
    }

    /// <inheritdoc/>
    public IEnumerable<string> ConfigurationFaults(JsonElement configuration) =>
        LlamaConfiguration.Faults(configuration, Sizes);

    /// <inheritdoc/>
    public JsonObject Configuration() => LlamaConfiguration.Write(Sizes);

    private (Tensor Cos, Tensor Sin) Rotary(long position, long tokens) => position + tokens <= context
        ? (RotaryCos.narrow(0, position, tokens), RotarySin.narrow(0, position, tokens))
        : throw new ArgumentException(
            $"A sequence of {position + tokens} tokens is longer than the model's context of {context}.");

    private Tensor Cosines() => RotaryAngles().cos();

    private Tensor Sines() => RotaryAngles().sin();

    /// <summary>Angle t · theta^(−2i/d) of position t and pair i, for components i and i + d/2 alike.</summary>
    private Tensor RotaryAngles()
    {
        var head = hidden / heads;
        var frequencies = pow(ropeTheta, arange(0, head, 2, dtype: float64) / -head);
        var half = outer(arange(context, dtype: float64), frequencies);
        return cat([half, half], -1);
    }
}
