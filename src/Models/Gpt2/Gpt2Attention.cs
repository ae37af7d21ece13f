using static TorchSharp.torch;

namespace Marrow.Models;

/// <summary>Attention of <see cref="Gpt2"/>: causal, with queries, keys and values from one layer.</summary>
/// <param name="sizes">The model's sizes.</param>
/// <param name="layer">The block's number, from 0.</param>
[Model]
public partial class Gpt2Attention(Gpt2Sizes sizes, int layer)
{
    /// <summary>Queries, keys and values.</summary>
    [Linear("sizes.Hidden", "3 * sizes.Hidden")]
    public partial Linear CAttn { get; }

    /// <summary>Back to the stream.</summary>
    [Linear("sizes.Hidden", "sizes.Hidden")]
    public partial Linear CProj { get; }

    /// <summary>Dropout on what is added to the stream.</summary>
    [Dropout("sizes.ResidualDropout")]
    public partial Dropout ResidDropout { get; }

    /// <summary>x [batch, tokens, hidden] to the same shape.</summary>
    [Forward]
    private Tensor Network(Tensor x)
    {
        var parts = CAttn.call(x).view(x.size(0), x.size(1), 3, sizes.Heads, sizes.Hidden / sizes.Heads).unbind(2);
        var mixed = sizes.Attention(layer, training).Mix(parts[0], parts[1], parts[2]);
        return ResidDropout.call(CProj.call(mixed));
    }
}
