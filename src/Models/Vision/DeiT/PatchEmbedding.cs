using static TorchSharp.torch;

namespace Marrow.Models;

/// <summary>An image in patches, each mapped to a vector. A border that fills no patch is left out.</summary>
/// <param name="image">Edge of the image.</param>
/// <param name="patch">Edge of a patch.</param>
/// <param name="channels">Channels of the image.</param>
/// <param name="dim">Width of the vectors.</param>
[Model]
public partial class PatchEmbedding(int image, int patch, int channels, int dim)
{
    /// <summary>A kernel that covers one patch.</summary>
    [Conv2d(nameof(channels), nameof(dim), nameof(patch), Stride = nameof(patch), Tokens = "image * image")]
    public partial Conv2d Proj { get; }

    /// <summary>x [batch, channels, image, image] to [batch, patches, dim], row by row.</summary>
    [Forward]
    private Tensor Network(Tensor x) => Proj.call(x).flatten(2).transpose(1, 2);
}
