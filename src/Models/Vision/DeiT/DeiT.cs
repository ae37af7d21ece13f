using System.Text.Json;
using System.Text.Json.Nodes;
using Marrow.Checkpoints;
using static TorchSharp.torch;

namespace Marrow.Models;

/// <summary>
/// The distilled data-efficient image transformer (DeiT, arXiv 2012.12877): a vision transformer with a second token
/// and a second head, which learn from a teacher. Layer names are timm's.
/// </summary>
/// <param name="image">Edge of the image.</param>
/// <param name="patch">Edge of a patch.</param>
/// <param name="dim">Width of the stream.</param>
/// <param name="depth">Number of blocks.</param>
/// <param name="heads">Heads of attention; divides <paramref name="dim"/>.</param>
/// <param name="classes">Number of classes.</param>
/// <param name="channels">Channels of the image.</param>
/// <param name="mlpRatio">Width inside the MLP over <paramref name="dim"/>.</param>
/// <param name="normEps">Added to the variance in the norms: 1e-6 in timm's models, 1e-12 in Hugging Face's.</param>
[Model]
public partial class DeiT(
    int image,
    int patch,
    int dim,
    int depth,
    int heads,
    int classes,
    int channels = 3,
    int mlpRatio = 4,
    double normEps = 1e-6) : IPretrained, ICheckpointFormats
{
    /// <summary>The token that is classified.</summary>
    [Parameter(1, 1, nameof(dim), Init = ParameterInit.Normal)]
    public partial Tensor ClsToken { get; }

    /// <summary>The token that learns from the teacher.</summary>
    [Parameter(1, 1, nameof(dim), Init = ParameterInit.Normal)]
    public partial Tensor DistToken { get; }

    /// <summary>Added to every token by its place.</summary>
    [Parameter(1, "(image / patch) * (image / patch) + 2", nameof(dim), Init = ParameterInit.Normal)]
    public partial Tensor PosEmbed { get; }

    /// <summary>Image to patches.</summary>
    [Block(nameof(image), nameof(patch), nameof(channels), nameof(dim))]
    public partial PatchEmbedding PatchEmbed { get; }

    /// <summary>The blocks.</summary>
    [Block(
        nameof(dim),
        nameof(heads),
        "dim * mlpRatio",
        "(image / patch) * (image / patch) + 2",
        nameof(normEps),
        Count = nameof(depth))]
    public partial ModuleList<VisionBlock> Blocks { get; }

    /// <summary>The last norm.</summary>
    [LayerNorm(nameof(dim), Eps = nameof(normEps))]
    public partial LayerNorm Norm { get; }

    /// <summary>Class token to logits.</summary>
    [Head]
    [Linear(nameof(dim), nameof(classes))]
    public partial Linear Head { get; }

    /// <summary>Distillation token to logits.</summary>
    [Head]
    [Linear(nameof(dim), nameof(classes))]
    public partial Linear HeadDist { get; }

    /// <summary>x [batch, channels, image, image] to the mean of both heads' logits [batch, classes].</summary>
    [Forward]
    private Tensor Network(Tensor x)
    {
        var (byClass, byTeacher) = Logits(x);
        return (byClass + byTeacher) / 2;
    }

    /// <summary>
    /// The logits of both heads, as training with a teacher needs them: the first learns from the labels, the second
    /// from the teacher.
    /// </summary>
    /// <param name="x">[batch, channels, image, image].</param>
    /// <returns>Two times [batch, classes].</returns>
    public (Tensor Class, Tensor Distillation) Logits(Tensor x)
    {
        using var scope = NewDisposeScope();
        var batch = x.shape[0];
        x = cat([ClsToken.expand(batch, 1, dim), DistToken.expand(batch, 1, dim), PatchEmbed.call(x)], 1) + PosEmbed;
        foreach (var block in Blocks)
        {
            x = block.call(x);
        }

        x = Norm.call(x);
        return scope.MoveToOuter(Head.call(x.select(1, 0)), HeadDist.call(x.select(1, 1)));
    }

    /// <summary>[channels, image, image].</summary>
    internal long[] InputShape => [channels, image, image];

    private VisionSizes Sizes => TransformerCheckpoints.Sizes(
        "deit_{0}_distilled", "deit", (image, patch, dim, depth, heads, classes, channels, mlpRatio), normEps);

    /// <inheritdoc/>
    public IEnumerable<string> ConfigurationFaults(JsonElement configuration) => Sizes.Faults(configuration);

    /// <inheritdoc/>
    public JsonObject Configuration() => TimmConfiguration.Write(Sizes);

    CheckpointFormat? ICheckpointFormats.FormatOf(IReadOnlyCollection<string> names) =>
        TransformerCheckpoints.HuggingFace(
            names,
            "deit.",
            [("cls_classifier", "head"), ("distillation_classifier", "head_dist")],
            () => HuggingFaceConfiguration.Write(Sizes, "DeiTForImageClassificationWithTeacher"));
}

/// <summary>DeiT-T, distilled, for 224 × 224 images.</summary>
public sealed partial class DeiTTiny(int classes = 1000)
    : DeiT(image: 224, patch: 16, dim: 192, depth: 12, heads: 3, classes);

/// <summary>DeiT-S, distilled, for 224 × 224 images.</summary>
public sealed partial class DeiTSmall(int classes = 1000)
    : DeiT(image: 224, patch: 16, dim: 384, depth: 12, heads: 6, classes);
