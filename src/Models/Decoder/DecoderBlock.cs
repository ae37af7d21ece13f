using static TorchSharp.torch;

namespace Marrow.Models;

/// <summary>
/// A block of <see cref="Decoder"/>: attention, then the MLP, each on the normalized stream and added to it; with post
/// norms, what they give is normalized too.
/// </summary>
/// <param name="sizes">The model's sizes.</param>
/// <param name="layer">The block's number, from 0.</param>
[Model]
public partial class DecoderBlock(DecoderSizes sizes, int layer)
{
    /// <summary>The norm before attention.</summary>
    [RmsNorm("sizes.Hidden", Eps = "sizes.NormEps", ZeroCentered = "sizes.ZeroCenteredNorms")]
    public partial RmsNorm InputLayernorm { get; }

    /// <summary>Attention.</summary>
    [Block(nameof(sizes), "sizes.Head ?? sizes.Hidden / sizes.Heads", nameof(layer))]
    public partial DecoderAttention SelfAttn { get; }

    /// <summary>The norm before the MLP; with post norms, the one behind attention.</summary>
    [RmsNorm("sizes.Hidden", Eps = "sizes.NormEps", ZeroCentered = "sizes.ZeroCenteredNorms")]
    public partial RmsNorm PostAttentionLayernorm { get; }

    /// <summary>With post norms: the norm before the MLP.</summary>
    [RmsNorm(
        "sizes.Hidden",
        Eps = "sizes.NormEps",
        ZeroCentered = "sizes.ZeroCenteredNorms",
        When = "sizes.PostNorms")]
    public partial RmsNorm? PreFeedforwardLayernorm { get; }

    /// <summary>The MLP.</summary>
    [Block("sizes.Hidden", "sizes.Intermediate", "sizes.Activation", "sizes.MlpBias", "sizes.Fused")]
    public partial DecoderMlp Mlp { get; }

    /// <summary>With post norms: the norm behind the MLP.</summary>
    [RmsNorm(
        "sizes.Hidden",
        Eps = "sizes.NormEps",
        ZeroCentered = "sizes.ZeroCenteredNorms",
        When = "sizes.PostNorms")]
    public partial RmsNorm? PostFeedforwardLayernorm { get; }

    /// <summary>Whether the block's attention has the model's window.</summary>
    internal bool IsWindowed => sizes.IsWindowed(layer);

    /// <summary>x [batch, tokens, hidden] and the rotary table [2, tokens, width] to the next stream.</summary>
    [Forward]
    private Tensor Network(Tensor x, Tensor rotary)
    {
        var attended = SelfAttn.call(InputLayernorm.call(x), rotary);
        if (PreFeedforwardLayernorm is null || PostFeedforwardLayernorm is null)
        {
            x = x + attended;
            return x + Mlp.call(PostAttentionLayernorm.call(x));
        }

        x = x + PostAttentionLayernorm.call(attended);
        return x + PostFeedforwardLayernorm.call(Mlp.call(PreFeedforwardLayernorm.call(x)));
    }
}
