using System.Text.Json;
using System.Text.Json.Nodes;

namespace Marrow.Models;

/// <summary>
/// The config.json that timm puts beside its weights: a name, which stands for the sizes, the image and the classes.
/// </summary>
internal static class TimmConfiguration
{
    /// <summary>Names of families, for sizes that timm has no name for: model_args then states them.</summary>
    public const string Transformer = "vision_transformer", DistilledTransformer = "vision_transformer_distilled",
        Swin = "swin_transformer";

    /// <summary>What in a config.json does not fit the sizes; one sentence per field.</summary>
    public static IEnumerable<string> Faults(JsonElement configuration, VisionSizes sizes)
    {
        var inner = configuration.TryGetProperty("pretrained_cfg", out var pretrained) ? pretrained : configuration;
        var hasClasses = configuration.TryGetProperty("num_classes", out var count)
            || inner.TryGetProperty("num_classes", out count);
        if (hasClasses && count.GetInt32() != sizes.Classes)
        {
            yield return $"num_classes is {count.GetInt32()}, the model has {sizes.Classes}";
        }

        if (inner.TryGetProperty("input_size", out var size) && size.GetArrayLength() == 3)
        {
            int[] found = [.. size.EnumerateArray().Select(edge => edge.GetInt32())];
            if (found[0] != sizes.Channels || found[1] != sizes.Image || found[2] != sizes.Image)
            {
                yield return $"input_size is [{string.Join(", ", found)}], the model's is "
                    + $"[{sizes.Channels}, {sizes.Image}, {sizes.Image}]";
            }
        }

        if (configuration.TryGetProperty("global_pool", out var pool) && pool.GetString() != sizes.Pool)
        {
            yield return $"global_pool is {pool.GetString()}, the model's is {sizes.Pool}";
        }

        if (!configuration.TryGetProperty("model_args", out var arguments))
        {
            yield break;
        }

        foreach (var argument in arguments.EnumerateObject())
        {
            if (!sizes.Arguments.TryGetValue(argument.Name, out var wanted))
            {
                yield return $"model_args has {argument.Name}, which is not known";
            }
            else if (!ConfigurationField.Same(argument.Value, wanted))
            {
                yield return $"model_args.{argument.Name} is {argument.Value.GetRawText()}, the model's is "
                    + wanted.ToJsonString();
            }
        }
    }

    /// <summary>The config.json of a model of these sizes.</summary>
    public static JsonObject Write(VisionSizes sizes)
    {
        var json = new JsonObject
        {
            ["architecture"] = sizes.Architecture,
            ["num_classes"] = sizes.Classes,
            ["global_pool"] = sizes.Pool,
            ["pretrained_cfg"] = new JsonObject
            {
                ["input_size"] = new JsonArray(sizes.Channels, sizes.Image, sizes.Image),
            },
        };
        if (sizes.Architecture is Transformer or DistilledTransformer or Swin || sizes.Channels != 3)
        {
            json["model_args"] = new JsonObject(sizes.Arguments.Select(
                argument => KeyValuePair.Create(argument.Key, (JsonNode?)argument.Value.DeepClone())));
        }

        return json;
    }
}
