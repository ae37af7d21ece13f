using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Marrow.Checkpoints;

namespace Marrow.Models;

/// <summary>The fields of a config.json or of an object in it; one that is null counts as missing.</summary>
/// <param name="json">The object.</param>
internal sealed class ConfigurationFields(JsonElement json)
{
    /// <summary>Opens the config.json of a folder of Hugging Face's, and makes sizes of it.</summary>
    /// <param name="directory">The folder.</param>
    /// <param name="read">What to make of it.</param>
    /// <exception cref="CheckpointException">There is none, or the model is not one that is supported.</exception>
    public static T Read<T>(string directory, Func<ConfigurationFields, T> read)
    {
        OutputFolder.Complete(directory);
        var file = Path.Combine(directory, "config.json");
        GitLfs.RequireContent(file);
        try
        {
            using var json = JsonDocument.Parse(
                File.ReadAllText(file), new() { AllowDuplicateProperties = false });
            return json.RootElement.ValueKind == JsonValueKind.Object
                ? read(new(json.RootElement))
                : throw new ConfigurationException("it is no JSON object");
        }
        catch (ConfigurationException fault)
        {
            throw new CheckpointException(file, fault.Message, "use a checkpoint of a supported model", fault);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(
                file, $"it cannot be read ({fault.Message})", "name the folder of a Hugging Face model", fault);
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException)
        {
            throw new CheckpointException(
                file,
                $"it is no model configuration ({fault.Message})",
                "use the config.json that came with the weights",
                fault);
        }
    }

    /// <summary>What a config.json says otherwise than a model's own, one sentence per field.</summary>
    /// <param name="config">The file.</param>
    /// <param name="own">What the model's would be.</param>
    /// <param name="read">What would be written of what the file says.</param>
    public static IEnumerable<string> Faults(
        JsonElement config, JsonObject own, Func<ConfigurationFields, JsonObject> read)
    {
        JsonObject found;
        try
        {
            found = read(new(config));
        }
        catch (ConfigurationException fault)
        {
            return [fault.Message];
        }

        return own.Where(field => !JsonNode.DeepEquals(found[field.Key], field.Value)).Select(field =>
            $"{field.Key} is {Words(found[field.Key])}, but the model's is {Words(field.Value)}");

        static string Words(JsonNode? value) => value?.ToJsonString() ?? "null";
    }

    /// <summary>Whether there is such a field, null or not.</summary>
    public bool Has(string field) => json.TryGetProperty(field, out _);

    /// <summary>A text.</summary>
    public string? Text(string field) => Find(field) is not { } value ? null
        : value.ValueKind == JsonValueKind.String ? value.GetString()
        : throw Wrong(field, value, "a text");

    /// <summary>A number.</summary>
    public double? Number(string field) => Find(field) is not { } value ? null
        : value.ValueKind == JsonValueKind.Number && double.IsFinite(value.GetDouble()) ? value.GetDouble()
        : throw Wrong(field, value, "a number");

    /// <summary>A share that dropout takes out.</summary>
    public double? Dropout(string field) => Number(field) is not { } share ? null
        : share is >= 0 and < 1 ? share
        : throw new ConfigurationException(
            string.Create(CultureInfo.InvariantCulture, $"{field} is {share}, not a share from 0 to below 1"));

    /// <summary>A positive integer.</summary>
    public int? Integer(string field) => Find(field) is not { } value ? null
        : value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) && number > 0 ? number
        : throw Wrong(field, value, "a positive integer");

    /// <summary>A positive integer that must be there.</summary>
    public int Size(string field) => Integer(field) ?? throw new ConfigurationException($"{field} is missing");

    /// <summary>True or false.</summary>
    public bool? Flag(string field) => Find(field) is not { } value ? null
        : value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean()
        : throw Wrong(field, value, "true or false");

    /// <summary>A list of texts.</summary>
    public IReadOnlyList<string>? Texts(string field) => Find(field) is not { } value ? null
        : value.ValueKind == JsonValueKind.Array
            && value.EnumerateArray().All(item => item.ValueKind == JsonValueKind.String)
            ? [.. value.EnumerateArray().Select(item => item.GetString()!)]
        : throw Wrong(field, value, "a list of texts");

    /// <summary>A list of positive integers.</summary>
    public IReadOnlyList<int>? Integers(string field) => Find(field) is not { } value ? null
        : value.ValueKind == JsonValueKind.Array && value.GetArrayLength() > 0 && value.EnumerateArray().All(item =>
            item.ValueKind == JsonValueKind.Number && item.TryGetInt32(out var number) && number > 0)
            ? [.. value.EnumerateArray().Select(item => item.GetInt32())]
        : throw Wrong(field, value, "a list of positive integers");

    /// <summary>How many fields there are.</summary>
    public int Count => json.EnumerateObject().Count();

    /// <summary>An object.</summary>
    public ConfigurationFields? Object(string field) => Find(field) is not { } value ? null
        : value.ValueKind == JsonValueKind.Object ? new(value)
        : throw Wrong(field, value, "an object");

    /// <summary>Refuses a field that says more than nothing.</summary>
    /// <param name="field">The field.</param>
    /// <param name="harmless">What it may say, as JSON, besides null.</param>
    public void Refuse(string field, params IReadOnlyList<string> harmless)
    {
        if (Find(field) is { } value && !harmless.Contains(value.GetRawText()))
        {
            throw new ConfigurationException(
                $"{field} is {Shorten(value)}", harmless.Count == 0 ? "none" : string.Join(" or ", harmless));
        }
    }

    private static ConfigurationException Wrong(string field, JsonElement value, string kind) =>
        new($"{field} is {Shorten(value)}, not {kind}");

    private static string Shorten(JsonElement value) =>
        value.GetRawText() is { Length: > 60 } text ? text[..60] + "…" : value.GetRawText();

    private JsonElement? Find(string field) =>
        json.TryGetProperty(field, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;
}
