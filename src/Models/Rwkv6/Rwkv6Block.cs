using static TorchSharp.torch;

namespace Marrow.Models;

/// <summary>
/// A block of <see cref="Rwkv6"/>: attention, then the feed-forward network, each on the normalized stream and added to
/// it.
/// </summary>
/// <param name="width">Width of the residual stream.</param>
/// <param name="inner">Width inside the feed-forward network.</param>
/// <param name="heads">Heads.</param>
/// <param name="mixRank">Rank of the token-dependent mixing.</param>
/// <param name="decayRank">Rank of the token-dependent decay.</param>
/// <param name="headNormEps">Added to the variance of a head's output.</param>
[Model]
public partial class Rwkv6Block(int width, int inner, int heads, int mixRank, int decayRank, double headNormEps)
{
    /// <summary>The norm before attention.</summary>
    [LayerNorm(nameof(width))]
    public partial LayerNorm Ln1 { get; }

    /// <summary>The norm before the feed-forward network.</summary>
    [LayerNorm(nameof(width))]
    public partial LayerNorm Ln2 { get; }

    /// <summary>Attention.</summary>
    [Block(nameof(width), nameof(heads), nameof(mixRank), nameof(decayRank), nameof(headNormEps))]
    public partial Rwkv6TimeMix Att { get; }

    /// <summary>The feed-forward network.</summary>
    [Block(nameof(width), nameof(inner))]
    public partial Rwkv6ChannelMix Ffn { get; }

    /// <summary>x [batch, tokens, width] to the next stream, from an empty past.</summary>
    [Forward]
    private Tensor Network(Tensor x)
    {
        x = x + Att.call(Ln1.call(x));
        return x + Ffn.call(Ln2.call(x));
    }

    /// <summary>The same from a past.</summary>
    /// <param name="x">[batch, tokens, width].</param>
    /// <param name="past">What the block keeps of the tokens before.</param>
    /// <returns>The next stream, and what to keep of all tokens.</returns>
    internal (Tensor Stream, Rwkv6LayerState State) Continue(Tensor x, Rwkv6LayerState past)
    {
        var normed = Ln1.call(x);
        var (mixed, wkv) = Att.Mix(normed, past.AttentionShift, past.Wkv);
        x = x + mixed;
        var second = Ln2.call(x);
        return (x + Ffn.Mix(second, past.FeedForwardShift), new(wkv, TokenShift.Last(normed), TokenShift.Last(second)));
    }
}
