using System.Text.Json;
using System.Text.Json.Nodes;
using Marrow.Checkpoints;
using static TorchSharp.torch;

namespace Marrow.Models;

/// <summary>
/// The shifted-window transformer (Swin, arXiv 2103.14030) in four stages, each of half the resolution and twice the
/// width of the one before. Layer names are timm's.
/// </summary>
/// <param name="image">Edge of the image.</param>
/// <param name="patch">Edge of a patch.</param>
/// <param name="dim">Width of the first stage.</param>
/// <param name="depth0">Blocks of the first stage.</param>
/// <param name="depth1">Blocks of the second stage.</param>
/// <param name="depth2">Blocks of the third stage.</param>
/// <param name="depth3">Blocks of the fourth stage.</param>
/// <param name="heads">Heads of the first stage; doubled with each further one.</param>
/// <param name="window">Edge of a window.</param>
/// <param name="classes">Number of classes.</param>
/// <param name="channels">Channels of the image.</param>
/// <param name="mlpRatio">Width inside the MLPs over a stage's width.</param>
[Model, Checkpoint(Ignore = "*.relative_position_index|*.attn_mask")] // tables that follow from the sizes
public partial class Swin(
    int image,
    int patch,
    int dim,
    int depth0,
    int depth1,
    int depth2,
    int depth3,
    int heads,
    int window,
    int classes,
    int channels = 3,
    int mlpRatio = 4) : IPretrained, ICheckpointFormats
{
    /// <summary>Image to patches.</summary>
    [Block(nameof(image), nameof(patch), nameof(channels), nameof(dim))]
    public partial SwinPatches PatchEmbed { get; }

    /// <summary>The first stage.</summary>
    [Block(nameof(dim), nameof(depth0), nameof(heads), nameof(window), nameof(mlpRatio), "image / patch")]
    [Name("layers.0")]
    public partial SwinStage Stage0 { get; }

    /// <summary>The second stage.</summary>
    [Block("2 * dim", nameof(depth1), "2 * heads", nameof(window), nameof(mlpRatio), "(image / patch + 1) / 2")]
    [Name("layers.1")]
    public partial SwinMergingStage Stage1 { get; }

    /// <summary>The third stage.</summary>
    [Block("4 * dim", nameof(depth2), "4 * heads", nameof(window), nameof(mlpRatio), "(image / patch + 3) / 4")]
    [Name("layers.2")]
    public partial SwinMergingStage Stage2 { get; }

    /// <summary>The fourth stage.</summary>
    [Block("8 * dim", nameof(depth3), "8 * heads", nameof(window), nameof(mlpRatio), "(image / patch + 7) / 8")]
    [Name("layers.3")]
    public partial SwinMergingStage Stage3 { get; }

    /// <summary>The last norm.</summary>
    [LayerNorm("8 * dim")]
    public partial LayerNorm Norm { get; }

    /// <summary>The mean of all places to logits.</summary>
    [Head]
    [Linear("8 * dim", nameof(classes)), Name("head.fc")]
    public partial Linear Head { get; }

    /// <summary>x [batch, channels, image, image] to logits [batch, classes].</summary>
    [Forward]
    private Tensor Network(Tensor x)
    {
        x = Stage3.call(Stage2.call(Stage1.call(Stage0.call(PatchEmbed.call(x)))));
        return Head.call(Norm.call(x).mean([1, 2]));
    }

    /// <summary>[channels, image, image].</summary>
    internal long[] InputShape => [channels, image, image];

    private VisionSizes Sizes => SwinCheckpoints.Sizes(
        (image, patch, dim, heads, window, classes, channels, mlpRatio), depth0, depth1, depth2, depth3);

    /// <inheritdoc/>
    public IEnumerable<string> ConfigurationFaults(JsonElement configuration) => Sizes.Faults(configuration);

    /// <inheritdoc/>
    public JsonObject Configuration() => TimmConfiguration.Write(Sizes);

    CheckpointFormat? ICheckpointFormats.FormatOf(IReadOnlyCollection<string> names) =>
        SwinCheckpoints.FormatOf(names, Sizes);
}

/// <summary>Swin-T for 224 × 224 images.</summary>
public sealed partial class SwinTiny(int classes = 1000) : Swin(
    image: 224, patch: 4, dim: 96, depth0: 2, depth1: 2, depth2: 6, depth3: 2, heads: 3, window: 7, classes);
