using static TorchSharp.torch;

namespace Marrow.Models;

/// <summary>An image in patches, each mapped to a vector and normalized.</summary>
/// <param name="image">Edge of the image.</param>
/// <param name="patch">Edge of a patch.</param>
/// <param name="channels">Channels of the image.</param>
/// <param name="dim">Width of the vectors.</param>
[Model]
public partial class SwinPatches(int image, int patch, int channels, int dim)
{
    /// <summary>A kernel that covers one patch.</summary>
    [Conv2d(nameof(channels), nameof(dim), nameof(patch), Stride = nameof(patch), Tokens = "image * image")]
    public partial Conv2d Proj { get; }

    /// <summary>The norm of each vector.</summary>
    [LayerNorm(nameof(dim))]
    public partial LayerNorm Norm { get; }

    /// <summary>x [batch, channels, image, image] to [batch, height, width, dim].</summary>
    [Forward]
    private Tensor Network(Tensor x) => Norm.call(Proj.call(x).permute(0, 2, 3, 1));
}
