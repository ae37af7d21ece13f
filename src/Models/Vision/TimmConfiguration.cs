using System.Text.Json;
using System.Text.Json.Nodes;

namespace Marrow.Models;

/// <summary>
/// The config.json that timm puts beside its weights. It holds no sizes but the image's and the classes'.
/// </summary>
internal static class TimmConfiguration
{
    public static IEnumerable<string> Faults(JsonElement configuration, int image, int channels, int classes)
    {
        var inner = configuration.TryGetProperty("pretrained_cfg", out var pretrained) ? pretrained : configuration;
        var hasClasses = configuration.TryGetProperty("num_classes", out var count)
            || inner.TryGetProperty("num_classes", out count);
        if (hasClasses && count.GetInt32() != classes)
        {
            yield return $"num_classes is {count.GetInt32()}, the model has {classes}";
        }

        if (inner.TryGetProperty("input_size", out var size) && size.GetArrayLength() == 3)
        {
            int[] found = [.. size.EnumerateArray().Select(edge => edge.GetInt32())];
            if (found[0] != channels || found[1] != image || found[2] != image)
            {
                yield return
                    $"input_size is [{string.Join(", ", found)}], the model's is [{channels}, {image}, {image}]";
            }
        }
    }

    public static JsonObject Write(string architecture, int image, int channels, int classes) => new()
    {
        ["architecture"] = architecture,
        ["num_classes"] = classes,
        ["pretrained_cfg"] = new JsonObject { ["input_size"] = new JsonArray(channels, image, image) },
    };
}
