using System.Text.Json;
using System.Text.Json.Nodes;

namespace Marrow.Models;

/// <summary>config.json of Hugging Face's classes for the classification of images.</summary>
internal static class HuggingFaceConfiguration
{
    /// <summary>Whether a config.json is Hugging Face's; timm's has no model_type.</summary>
    public static bool IsOne(JsonElement configuration) => configuration.TryGetProperty("model_type", out _);

    /// <summary>What in a config.json does not fit the sizes; one sentence per field.</summary>
    public static IEnumerable<string> Faults(JsonElement configuration, VisionSizes sizes)
    {
        foreach (var field in sizes.HuggingFace)
        {
            if (field.Fault(configuration) is { } fault)
            {
                yield return fault;
            }
        }

        var classes = configuration.TryGetProperty("id2label", out var labels)
            ? labels.EnumerateObject().Count()
            : configuration.TryGetProperty("num_labels", out var count) ? count.GetInt32() : sizes.Classes;
        if (classes != sizes.Classes)
        {
            yield return $"id2label has {classes} classes, the model has {sizes.Classes}";
        }
    }

    /// <summary>The config.json of a model of these sizes.</summary>
    /// <param name="sizes">The sizes.</param>
    /// <param name="architecture">The name of Hugging Face's class.</param>
    public static JsonObject Write(VisionSizes sizes, string architecture)
    {
        var json = new JsonObject { ["architectures"] = new JsonArray(architecture) };
        foreach (var field in sizes.HuggingFace)
        {
            json[field.Name] = field.Wanted.DeepClone();
        }

        var labels = Enumerable.Range(0, sizes.Classes).ToList();
        json["id2label"] = new JsonObject(labels.Select(id => KeyValuePair.Create($"{id}", (JsonNode?)$"LABEL_{id}")));
        json["label2id"] = new JsonObject(labels.Select(id => KeyValuePair.Create($"LABEL_{id}", (JsonNode?)id)));
        return json;
    }
}
