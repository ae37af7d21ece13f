using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Marrow.Adapters;

/// <summary>A field of PEFT's adapter_config.json.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Value">What is written.</param>
/// <param name="Accepts">
/// Whether a file with another value (null: without the field) means the same adapter; without it, only equal values
/// do.
/// </param>
internal sealed record PeftField(string Name, JsonNode Value, Func<JsonElement?, bool>? Accepts = null)
{
    /// <summary>A field that does not change what a loaded adapter computes.</summary>
    public static PeftField Unchecked(string name, JsonNode value) => new(name, value, _ => true);

    /// <summary>A field that files may leave out while it has its default value.</summary>
    public static PeftField Flag(string name, bool value) => new(name, value, found => found is null && !value);

    /// <summary>What a file says otherwise, or null.</summary>
    public string? Difference(JsonElement configuration)
    {
        JsonElement? found = configuration.TryGetProperty(Name, out var value) ? value : null;
        if (Accepts?.Invoke(found) == true || found is { } present && IsEqual(present))
        {
            return null;
        }

        return found is null
            ? $"{Name} is missing"
            : $"{Name} is {value.GetRawText()}, but the model's is {Value.ToJsonString()}";
    }

    private bool IsEqual(JsonElement found) => Value.ToJsonString() == (found.ValueKind == JsonValueKind.Number
        ? found.GetDouble().ToString("R", CultureInfo.InvariantCulture)
        : found.GetRawText());
}
