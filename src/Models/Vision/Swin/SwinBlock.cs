using static TorchSharp.torch;

namespace Marrow.Models;

/// <summary>A block of <see cref="Swin"/>: attention in windows, then the MLP, each added to the stream.</summary>
/// <param name="dim">Width of the stream.</param>
/// <param name="heads">Heads of attention.</param>
/// <param name="window">Edge of a window.</param>
/// <param name="shift">By how much the windows are shifted.</param>
/// <param name="hidden">Width inside the MLP.</param>
/// <param name="width">Columns of the map.</param>
[Model]
public partial class SwinBlock(int dim, int heads, int window, int shift, int hidden, int width)
{
    /// <summary>The norm before attention.</summary>
    [LayerNorm(nameof(dim))]
    public partial LayerNorm Norm1 { get; }

    /// <summary>Attention in windows.</summary>
    [Attention(nameof(dim), nameof(heads), Window = nameof(window), Shift = nameof(shift))]
    public partial Attention Attn { get; }

    /// <summary>The norm before the MLP.</summary>
    [LayerNorm(nameof(dim))]
    public partial LayerNorm Norm2 { get; }

    /// <summary>The MLP. Its tokens are the places of a row, as in the quantized models of the OFQ paper.</summary>
    [Block(nameof(dim), nameof(hidden), nameof(width))]
    public partial VisionMlp Mlp { get; }

    /// <summary>x [batch, height, width, dim] to the next stream.</summary>
    [Forward]
    private Tensor Network(Tensor x)
    {
        x = x + Attn.call(Norm1.call(x));
        return x + Mlp.call(Norm2.call(x));
    }
}
