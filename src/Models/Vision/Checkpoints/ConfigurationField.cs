using System.Text.Json;
using System.Text.Json.Nodes;

namespace Marrow.Models;

/// <summary>A field of a config.json that a model's sizes fix.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Wanted">Its value for the model.</param>
/// <param name="Default">What a file without it means.</param>
internal sealed record ConfigurationField(string Name, JsonNode Wanted, JsonNode Default)
{
    /// <summary>Whether a value of a file is the wanted one; numbers are compared as numbers.</summary>
    public static bool Same(JsonElement found, JsonNode wanted) => (found.ValueKind, wanted) switch
    {
        (JsonValueKind.Number, JsonValue value) when value.GetValueKind() == JsonValueKind.Number =>
            found.GetDouble() == double.Parse(
                value.ToJsonString(), System.Globalization.CultureInfo.InvariantCulture),
        (JsonValueKind.Array, JsonArray array) => found.GetArrayLength() == array.Count
            && found.EnumerateArray().Zip(array).All(pair => Same(pair.First, pair.Second!)),
        _ => JsonNode.DeepEquals(JsonNode.Parse(found.GetRawText()), wanted),
    };

    /// <summary>What is wrong with the field in a file, or null.</summary>
    public string? Fault(JsonElement configuration)
    {
        var isThere = configuration.TryGetProperty(Name, out var value) && value.ValueKind != JsonValueKind.Null;
        var found = isThere ? value : JsonSerializer.SerializeToElement(Default);
        return Same(found, Wanted)
            ? null
            : $"{Name} is {found.GetRawText()}{(isThere ? "" : " where it is not stated")}, the model's is "
                + Wanted.ToJsonString();
    }
}
