using System.Text.Json;
using System.Text.Json.Nodes;
using Marrow.Checkpoints;
using static TorchSharp.torch;

namespace Marrow.Models;

/// <summary>
/// The vision transformer (ViT, arXiv 2010.11929) in the sizes of DeiT (arXiv 2012.12877), without its distillation
/// token. Layer names are timm's.
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
/// <param name="distillationToken">
/// Whether there is a second token that no head classifies, as in Hugging Face's DeiTForImageClassification.
/// </param>
[Model]
public partial class VisionTransformer(
    int image,
    int patch,
    int dim,
    int depth,
    int heads,
    int classes,
    int channels = 3,
    int mlpRatio = 4,
    double normEps = 1e-6,
    bool distillationToken = false) : IPretrained, ICheckpointFormats
{
    /// <summary>The token whose last state is classified.</summary>
    [Parameter(1, 1, nameof(dim), Init = ParameterInit.Normal)]
    public partial Tensor ClsToken { get; }

    /// <summary>The token that learned from a teacher, or null.</summary>
    [Parameter(1, 1, nameof(dim), Init = ParameterInit.Normal, When = nameof(distillationToken))]
    public partial Tensor? DistToken { get; }

    /// <summary>Added to every token by its place.</summary>
    [Parameter(
        1,
        "(image / patch) * (image / patch) + (distillationToken ? 2 : 1)",
        nameof(dim),
        Init = ParameterInit.Normal)]
    public partial Tensor PosEmbed { get; }

    /// <summary>Image to patches.</summary>
    [Block(nameof(image), nameof(patch), nameof(channels), nameof(dim))]
    public partial PatchEmbedding PatchEmbed { get; }

    /// <summary>The blocks.</summary>
    [Block(
        nameof(dim),
        nameof(heads),
        "dim * mlpRatio",
        "(image / patch) * (image / patch) + (distillationToken ? 2 : 1)",
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

    /// <summary>x [batch, channels, image, image] to logits [batch, classes].</summary>
    [Forward]
    private Tensor Network(Tensor x)
    {
        var batch = x.shape[0];
        Tensor[] tokens = DistToken is { } token ? [ClsToken, token] : [ClsToken];
        x = cat([.. tokens.Select(token => token.expand(batch, 1, dim)), PatchEmbed.call(x)], 1) + PosEmbed;
        foreach (var block in Blocks)
        {
            x = block.call(x);
        }

        return Head.call(Norm.call(x).select(1, 0));
    }

    /// <summary>[channels, image, image].</summary>
    internal long[] InputShape => [channels, image, image];

    private VisionSizes Sizes => TransformerCheckpoints.Sizes(
        "vit_{0}",
        distillationToken ? "deit" : "vit",
        (image, patch, dim, depth, heads, classes, channels, mlpRatio),
        normEps);

    /// <inheritdoc/>
    public IEnumerable<string> ConfigurationFaults(JsonElement configuration) => Sizes.Faults(configuration);

    /// <inheritdoc/>
    public JsonObject Configuration() => TimmConfiguration.Write(Sizes);

    CheckpointFormat? ICheckpointFormats.FormatOf(IReadOnlyCollection<string> names) =>
        TransformerCheckpoints.HuggingFace(
            names,
            distillationToken ? "deit." : "vit.",
            [("classifier", "head")],
            () => HuggingFaceConfiguration.Write(
                Sizes, distillationToken ? "DeiTForImageClassification" : "ViTForImageClassification"));
}
