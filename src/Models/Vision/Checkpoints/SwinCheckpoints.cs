using System.Text.Json.Nodes;
using Marrow.Checkpoints;
using Marrow.CompilerServices;

namespace Marrow.Models;

/// <summary>
/// Checkpoints of <see cref="Swin"/>. The class has the names of today's timm; these are those of the authors, which
/// older versions of timm have too, and Hugging Face's SwinForImageClassification.
/// </summary>
internal static class SwinCheckpoints
{
    private const int Stages = 4;

    /// <summary>The sizes.</summary>
    public static VisionSizes Sizes(
        (int Image, int Patch, int Dim, int Heads, int Window, int Classes, int Channels, int MlpRatio) sizes,
        params int[] depths)
    {
        var (image, patch, dim, heads, window, classes, channels, mlpRatio) = sizes;
        var size = (dim, heads, string.Join(' ', depths), mlpRatio) switch
        {
            (96, 3, "2 2 6 2", 4) => "tiny",
            (96, 3, "2 2 18 2", 4) => "small",
            (128, 4, "2 2 18 2", 4) => "base",
            (192, 6, "2 2 18 2", 4) => "large",
            _ => null,
        };
        int[] allHeads = [heads, 2 * heads, 4 * heads, 8 * heads];
        return new(
            size is null ? TimmConfiguration.Swin : $"swin_{size}_patch{patch}_window{window}_{image}",
            image,
            channels,
            classes,
            "avg",
            new Dictionary<string, JsonNode>
            {
                ["img_size"] = image,
                ["patch_size"] = patch,
                ["in_chans"] = channels,
                ["num_classes"] = classes,
                ["embed_dim"] = dim,
                ["depths"] = Array(depths),
                ["num_heads"] = Array(allHeads),
                ["window_size"] = window,
                ["mlp_ratio"] = mlpRatio,
            },
            [
                new("model_type", "swin", ""),
                new("image_size", image, 224),
                new("patch_size", patch, 4),
                new("num_channels", channels, 3),
                new("embed_dim", dim, 96),
                new("depths", Array(depths), Array(2, 2, 6, 2)),
                new("num_heads", Array(allHeads), Array(3, 6, 12, 24)),
                new("window_size", window, 7),
                new("mlp_ratio", mlpRatio, 4),
                new("layer_norm_eps", 1e-5, 1e-5),
                new("hidden_act", "gelu", "gelu"),
                new("qkv_bias", true, true),
                new("use_absolute_embeddings", false, false),
            ]);
    }

    /// <summary>The format of a checkpoint with these names, if it is not today's timm's.</summary>
    public static CheckpointFormat? FormatOf(IReadOnlyCollection<string> names, VisionSizes sizes)
    {
        if (names.Any(name => name.Contains("embeddings.patch_embeddings.", StringComparison.Ordinal)))
        {
            return new(HuggingFace, () => HuggingFaceConfiguration.Write(sizes, "SwinForImageClassification"));
        }

        return names.Contains("layers.0.downsample.reduction.weight")
            ? new(Authors, () => TimmConfiguration.Write(sizes))
            : null;
    }

    private static void Authors(CheckpointMap map)
    {
        MergeAtTheEnd(map);
        map.Rename("head", "head.fc");
    }

    private static void HuggingFace(CheckpointMap map)
    {
        MergeAtTheEnd(map);
        map.Prefix("swin.");
        map.Fuse(
            "layers.*.blocks.*.attn.qkv",
            [.. new[] { "query", "key", "value" }.Select(part => $"encoder.layers.*.blocks.*.attention.self.{part}")]);
        map.Rename(
            "encoder.layers.*.blocks.*.attention.self.relative_position_bias_table",
            "layers.*.blocks.*.attn.relative_position_bias_table");
        map.Rename("encoder.layers.*.blocks.*.attention.output.dense", "layers.*.blocks.*.attn.proj");
        map.Rename("encoder.layers.*.blocks.*.layernorm_before", "layers.*.blocks.*.norm1");
        map.Rename("encoder.layers.*.blocks.*.layernorm_after", "layers.*.blocks.*.norm2");
        map.Rename("encoder.layers.*.blocks.*.intermediate.dense", "layers.*.blocks.*.mlp.fc1");
        map.Rename("encoder.layers.*.blocks.*.output.dense", "layers.*.blocks.*.mlp.fc2");
        map.Rename("encoder.layers.*.downsample", "layers.*.downsample");
        map.Rename("embeddings.patch_embeddings.projection", "patch_embed.proj");
        map.Rename("embeddings.norm", "patch_embed.norm");
        map.Rename("layernorm", "norm");
        map.Rename("classifier", "head.fc");
        map.Unprefixed("classifier");
        map.Ignore("embeddings.mask_token");
    }

    /// <summary>The merging before a stage is the end of the one before it.</summary>
    private static void MergeAtTheEnd(CheckpointMap map)
    {
        for (var stage = 1; stage < Stages; stage++)
        {
            map.Rename($"layers.{stage - 1}.downsample", $"layers.{stage}.downsample");
        }
    }

    private static JsonArray Array(params int[] values) => new([.. values.Select(value => (JsonNode)value)]);
}
