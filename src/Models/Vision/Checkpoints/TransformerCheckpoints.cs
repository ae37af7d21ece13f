using System.Text.Json.Nodes;
using Marrow.Checkpoints;

namespace Marrow.Models;

/// <summary>
/// Checkpoints of <see cref="VisionTransformer"/> and <see cref="DeiT"/>. The classes have timm's names; these are
/// Hugging Face's: ViTForImageClassification, DeiTForImageClassification and its sister with a teacher.
/// </summary>
internal static class TransformerCheckpoints
{
    /// <summary>The sizes of both.</summary>
    public static VisionSizes Sizes(
        string family,
        string modelType,
        (int Image, int Patch, int Dim, int Depth, int Heads, int Classes, int Channels, int MlpRatio) sizes,
        double normEps)
    {
        var (image, patch, dim, depth, heads, classes, channels, mlpRatio) = sizes;
        var size = (dim, depth, heads, mlpRatio) switch
        {
            (192, 12, 3, 4) => "tiny",
            (384, 12, 6, 4) => "small",
            (768, 12, 12, 4) => "base",
            (1024, 24, 16, 4) => "large",
            _ => null,
        };
        return new(
            size is not null ? string.Format(family, size) + $"_patch{patch}_{image}"
                : family.Contains("distilled", StringComparison.Ordinal) ? TimmConfiguration.DistilledTransformer
                : TimmConfiguration.Transformer,
            image,
            channels,
            classes,
            "token",
            new Dictionary<string, JsonNode>
            {
                ["img_size"] = image,
                ["patch_size"] = patch,
                ["in_chans"] = channels,
                ["num_classes"] = classes,
                ["embed_dim"] = dim,
                ["depth"] = depth,
                ["num_heads"] = heads,
                ["mlp_ratio"] = mlpRatio,
                ["qkv_bias"] = true,
                ["class_token"] = true,
            },
            [
                new("model_type", modelType, ""),
                new("image_size", image, 224),
                new("patch_size", patch, 16),
                new("num_channels", channels, 3),
                new("hidden_size", dim, 768),
                new("num_hidden_layers", depth, 12),
                new("num_attention_heads", heads, 12),
                new("intermediate_size", dim * mlpRatio, 3072),
                new("layer_norm_eps", normEps, 1e-12),
                new("hidden_act", "gelu", "gelu"),
                new("qkv_bias", true, true),
            ]);
    }

    /// <summary>Hugging Face's format, if these names are of it.</summary>
    /// <param name="names">Names of a checkpoint's tensors.</param>
    /// <param name="prefix">What they may begin with.</param>
    /// <param name="heads">Hugging Face's names of the class's heads.</param>
    /// <param name="configuration">Hugging Face's config.json of the model.</param>
    public static CheckpointFormat? HuggingFace(
        IReadOnlyCollection<string> names,
        string prefix,
        (string Stored, string Own)[] heads,
        Func<JsonObject> configuration)
    {
        if (!names.Any(name => name is "embeddings.cls_token" || name == prefix + "embeddings.cls_token"))
        {
            return null;
        }

        return new(
            map =>
            {
                map.Prefix(prefix);
                map.Fuse("blocks.*.attn.qkv", [.. Attention("query", "key", "value")]);
                map.Rename("encoder.layer.*.attention.output.dense", "blocks.*.attn.proj");
                map.Rename("encoder.layer.*.layernorm_before", "blocks.*.norm1");
                map.Rename("encoder.layer.*.layernorm_after", "blocks.*.norm2");
                map.Rename("encoder.layer.*.intermediate.dense", "blocks.*.mlp.fc1");
                map.Rename("encoder.layer.*.output.dense", "blocks.*.mlp.fc2");
                map.Rename("embeddings.patch_embeddings.projection", "patch_embed.proj");
                map.Rename("embeddings.position_embeddings", "pos_embed");
                map.Rename("embeddings.cls_token", "cls_token");
                map.Rename("embeddings.distillation_token", "dist_token");
                map.Rename("layernorm", "norm");
                map.Ignore("pooler|embeddings.mask_token");
                foreach (var (stored, own) in heads)
                {
                    map.Rename(stored, own);
                    map.Unprefixed(stored);
                }
            },
            configuration);

        static IEnumerable<string> Attention(params string[] parts) =>
            parts.Select(part => $"encoder.layer.*.attention.attention.{part}");
    }
}
