using Marrow.Models;
using static TorchSharp.torch;

namespace Marrow.Parity;

/// <summary>The first two stages of a Swin, as the reference has them.</summary>
[Model]
public partial class TwoStageSwin(
    int image, int patch, int dim, int depth0, int depth1, int heads0, int heads1, int window, int classes)
{
    [Block(nameof(image), nameof(patch), 3, nameof(dim))]
    public partial SwinPatches PatchEmbed { get; }

    [Block(nameof(dim), nameof(depth0), nameof(heads0), nameof(window), 4, "image / patch"), Name("layers.0")]
    public partial SwinStage Stage0 { get; }

    [Block("2 * dim", nameof(depth1), nameof(heads1), nameof(window), 4, "image / patch / 2"), Name("layers.1")]
    public partial SwinMergingStage Stage1 { get; }

    [LayerNorm("2 * dim")]
    public partial LayerNorm Norm { get; }

    [Head]
    [Linear("2 * dim", nameof(classes)), Name("head.fc")]
    public partial Linear Head { get; }

    [Forward]
    private Tensor Network(Tensor x) => Head.call(Norm.call(Stage1.call(Stage0.call(PatchEmbed.call(x)))).mean([1, 2]));
}
