using static TorchSharp.torch;

namespace Marrow.Models;

/// <summary>
/// RWKV-6 "Finch" (arXiv 2404.05892): a language model whose past is a state of constant size. Layer names are those of
/// RWKV's own checkpoints.
/// </summary>
/// <param name="vocabulary">Number of token ids.</param>
/// <param name="width">Width of the residual stream.</param>
/// <param name="inner">Width inside the feed-forward network.</param>
/// <param name="layers">Number of blocks.</param>
/// <param name="headSize">Size of a head; divides <paramref name="width"/>.</param>
/// <param name="mixRank">Rank of the token-dependent mixing; 64 where the width is 4096.</param>
/// <param name="decayRank">Rank of the token-dependent decay; 128 where the width is 4096.</param>
/// <param name="headNormEps">
/// Added to the variance of a head's output: 1e-5 times the square of head_size_divisor, 8.
/// </param>
[Model]
public partial class Rwkv6(
    int vocabulary,
    int width,
    int inner,
    int layers,
    int headSize = 64,
    int mixRank = 32,
    int decayRank = 64,
    double headNormEps = 64e-5) : ICausalModel
{
    /// <summary>Token ids to vectors.</summary>
    [Embedding(nameof(vocabulary), nameof(width))]
    public partial Embedding Emb { get; }

    /// <summary>The blocks.</summary>
    [Block(
        nameof(width),
        nameof(inner),
        "width / headSize",
        nameof(mixRank),
        nameof(decayRank),
        nameof(headNormEps),
        Count = nameof(layers))]
    public partial ModuleList<Rwkv6Block> Blocks { get; }

    /// <summary>The norm of the embedding.</summary>
    [LayerNorm(nameof(width)), Name("blocks.0.ln0")]
    public partial LayerNorm Ln0 { get; }

    /// <summary>The last norm.</summary>
    [LayerNorm(nameof(width))]
    public partial LayerNorm LnOut { get; }

    /// <summary>The output head.</summary>
    [Head]
    [Linear(nameof(width), nameof(vocabulary), Bias = false)]
    public partial Linear Head { get; }

    /// <inheritdoc/>
    public int? Context => null;

    /// <summary>Token ids [batch, tokens] to logits [batch, tokens, vocabulary].</summary>
    [Forward]
    private Tensor Network(Tensor ids)
    {
        var x = Ln0.call(Emb.call(ids));
        foreach (var block in Blocks)
        {
            x = block.call(x);
        }

        return CausalHead.Apply(x, stream => Head.call(LnOut.call(stream)));
    }

    /// <summary>Goes on from a state: the same logits as if all tokens before had been given too.</summary>
    /// <param name="ids">Token ids [batch, tokens].</param>
    /// <param name="state">The state after the tokens before; null at the beginning.</param>
    /// <returns>
    /// Logits [batch, tokens, vocabulary], and the state after these tokens. Gradients flow through both.
    /// </returns>
    public (Tensor Logits, Rwkv6State State) Continue(Tensor ids, Rwkv6State? state)
    {
        using var scope = NewDisposeScope();
        var (stream, next) = Run(ids, state);
        var logits = scope.MoveToOuter(Head.call(LnOut.call(stream)));
        scope.MoveToOuter(next.Layers.SelectMany(layer => layer.Tensors));
        return (logits, next);
    }

    /// <summary>
    /// Gives all weights the starting values of RWKV-6's own training code, for a model that is trained from nothing.
    /// </summary>
    public void InitializeForPretraining() => Rwkv6Initialization.Apply(this);

    /// <inheritdoc/>
    public Decoding StartDecoding(int batch) => new Rwkv6Decoding(this, batch);

    /// <summary>The stream [batch, tokens, width] behind the last block.</summary>
    internal (Tensor Stream, Rwkv6State State) Run(Tensor ids, Rwkv6State? state)
    {
        var x = Ln0.call(Emb.call(ids));
        state ??= Empty(ids.shape[0], x);
        var next = new List<Rwkv6LayerState>();
        foreach (var (block, past) in Blocks.Zip(state.Layers))
        {
            (x, var kept) = block.Continue(x, past);
            next.Add(kept);
        }

        return (x, new Rwkv6State(next));
    }

    /// <summary>Logits [batch, vocabulary] of the last position of a stream.</summary>
    internal Tensor LastLogits(Tensor stream) => Head.call(LnOut.call(TokenShift.Last(stream)));

    private Rwkv6State Empty(long batch, Tensor like)
    {
        var shift = zeros([batch, width], dtype: like.dtype, device: like.device);
        var wkv = zeros([batch, width / headSize, headSize, headSize], dtype: like.dtype, device: like.device);
        return new([.. Enumerable.Repeat(new Rwkv6LayerState(wkv, shift, shift), layers)]);
    }
}
