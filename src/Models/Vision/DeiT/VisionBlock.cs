using static TorchSharp.torch;

namespace Marrow.Models;

/// <summary>A pre-normalized transformer block: attention, then the MLP, each added to the stream.</summary>
/// <param name="dim">Width of the stream.</param>
/// <param name="heads">Heads of attention.</param>
/// <param name="hidden">Width inside the MLP.</param>
/// <param name="tokens">Number of tokens.</param>
/// <param name="normEps">Added to the variance in the norms.</param>
[Model]
public partial class VisionBlock(int dim, int heads, int hidden, int tokens, double normEps = 1e-6)
{
    /// <summary>The norm before attention.</summary>
    [LayerNorm(nameof(dim), Eps = nameof(normEps))]
    public partial LayerNorm Norm1 { get; }

    /// <summary>Attention.</summary>
    [Attention(nameof(dim), nameof(heads), Tokens = nameof(tokens))]
    public partial Attention Attn { get; }

    /// <summary>The norm before the MLP.</summary>
    [LayerNorm(nameof(dim), Eps = nameof(normEps))]
    public partial LayerNorm Norm2 { get; }

    /// <summary>The MLP.</summary>
    [Block(nameof(dim), nameof(hidden), nameof(tokens))]
    public partial VisionMlp Mlp { get; }

    /// <summary>x [batch, tokens, dim] to the next stream.</summary>
    [Forward]
    private Tensor Network(Tensor x)
    {
        x = x + Attn.call(Norm1.call(x));
        return x + Mlp.call(Norm2.call(x));
    }
}
