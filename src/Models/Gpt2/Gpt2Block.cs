using static TorchSharp.torch;

namespace Marrow.Models;

/// <summary>
/// A block of <see cref="Gpt2"/>: attention, then the MLP, each on the normalized stream and added to it.
/// </summary>
/// <param name="sizes">The model's sizes.</param>
/// <param name="layer">The block's number, from 0.</param>
[Model]
public partial class Gpt2Block(Gpt2Sizes sizes, int layer)
{
    /// <summary>The norm before attention.</summary>
    [LayerNorm("sizes.Hidden", Eps = "sizes.NormEps"), Name("ln_1")]
    public partial LayerNorm Ln1 { get; }

    /// <summary>Attention.</summary>
    [Block(nameof(sizes), nameof(layer))]
    public partial Gpt2Attention Attn { get; }

    /// <summary>The norm before the MLP.</summary>
    [LayerNorm("sizes.Hidden", Eps = "sizes.NormEps"), Name("ln_2")]
    public partial LayerNorm Ln2 { get; }

    /// <summary>The MLP.</summary>
    [Block(nameof(sizes))]
    public partial Gpt2Mlp Mlp { get; }

    /// <summary>x [batch, tokens, hidden] to the next stream.</summary>
    [Forward]
    private Tensor Network(Tensor x)
    {
        x = x + Attn.call(Ln1.call(x));
        return x + Mlp.call(Ln2.call(x));
    }
}
