using System.Text.Json;
using System.Text.Json.Nodes;

namespace Marrow.Models;

/// <summary>What a vision model's config.json can say of it.</summary>
/// <param name="Architecture">timm's name, or that of the family where timm has none of these sizes.</param>
/// <param name="Image">Edge of the image.</param>
/// <param name="Channels">Its channels.</param>
/// <param name="Classes">Number of classes.</param>
/// <param name="Pool">What is classified, in timm's words.</param>
/// <param name="Arguments">Sizes by the names of timm's arguments.</param>
/// <param name="HuggingFace">Fields of Hugging Face's config.json, beside the classes.</param>
internal sealed record VisionSizes(
    string Architecture, int Image, int Channels, int Classes, string Pool,
    IReadOnlyDictionary<string, JsonNode> Arguments, IReadOnlyList<ConfigurationField> HuggingFace)
{
    /// <summary>
    /// What in a config.json, Hugging Face's or timm's, does not fit the sizes; one sentence per field.
    /// </summary>
    public IEnumerable<string> Faults(JsonElement configuration) => HuggingFaceConfiguration.IsOne(configuration)
        ? HuggingFaceConfiguration.Faults(configuration, this)
        : TimmConfiguration.Faults(configuration, this);
}
