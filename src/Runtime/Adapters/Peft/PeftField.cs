using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Marrow.Adapters.Peft;

/// <summary>A field of PEFT's adapter_config.json.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Value">What is written.</param>
/// <param name="Accepts">
/// Whether a file with another value (null: without the field) means the same adapter; without it, only equal values
/// do.
/// </param>
internal sealed partial record PeftField(string Name, JsonNode Value, Func<JsonElement?, bool>? Accepts = null)
{
    /// <summary>The field that holds other values for some layers, by patterns over their names; null: none.</summary>
    public string? Pattern { get; init; }

    /// <summary>A field that does not change what a loaded adapter computes.</summary>
    public static PeftField Unchecked(string name, JsonNode value) => new(name, value, _ => true);

    /// <summary>A field that files may leave out while it has its default value.</summary>
    public static PeftField Flag(string name, bool value) => new(name, value, found => found is null && !value);

    /// <summary>What a file says otherwise of a layer, or null.</summary>
    public string? Difference(JsonElement configuration, string layer)
    {
        JsonElement? found = configuration.TryGetProperty(Name, out var value) ? value : null;
        var name = Name;
        if (Pattern is not null && ForLayer(configuration, Pattern, layer) is { } own)
        {
            (found, value, name) = (own, own, $"{Name} of '{layer}'");
        }

        if (Accepts?.Invoke(found) == true || found is { } present && IsEqual(present))
        {
            return null;
        }

        return found is null
            ? $"{Name} is missing"
            : $"{name} is {value.GetRawText()}, but the model's is {Value.ToJsonString()}";
    }

    /// <summary>
    /// What a field of patterns says of a layer. As in PEFT, its names are regular expressions over the end of a name,
    /// and the first that matches counts.
    /// </summary>
    /// <exception cref="FormatException">A pattern is no regular expression.</exception>
    public static JsonElement? ForLayer(JsonElement configuration, string field, string layer)
    {
        if (!configuration.TryGetProperty(field, out var patterns) || patterns.ValueKind != JsonValueKind.Object)
        {
            return null;
        }

        foreach (var pattern in patterns.EnumerateObject())
        {
            if (IsMatch(field, pattern.Name, layer, isEnding: true))
            {
                return pattern.Value;
            }
        }

        return null;
    }

    /// <summary>The texts of a list.</summary>
    /// <exception cref="FormatException">It holds something else.</exception>
    public static IEnumerable<string> Names(string field, JsonElement list) => list.EnumerateArray().Select(
        name => name.ValueKind == JsonValueKind.String ? name.GetString()!
            : throw new FormatException($"{field} has {name.GetRawText()}, which is no name"));

    /// <summary>Whether a regular expression matches a name, or an ending of it that follows a dot.</summary>
    /// <exception cref="FormatException">It is no regular expression.</exception>
    public static bool IsMatch(string field, string pattern, string layer, bool isEnding) =>
        Match(field, isEnding ? $@"^(.*\.)?({pattern})$" : $@"^(?:{pattern})\z", layer).Success;

    /// <summary>The match of a regular expression out of a file, which may be hostile.</summary>
    /// <exception cref="FormatException">It is no regular expression, or takes too long.</exception>
    public static Match Match(string field, string pattern, string text)
    {
        try
        {
            return Regex.Match(
                text, PythonOnly().Replace(pattern, Translated), RegexOptions.None, TimeSpan.FromSeconds(1));
        }
        catch (Exception fault) when (fault is ArgumentException or RegexMatchTimeoutException)
        {
            throw new FormatException(
                $"{CheckpointException.Quote(pattern)} in {field} is no usable regular expression", fault);
        }
    }

    /// <summary>Python's named groups, references to them, and the end of a text, in the words of .NET.</summary>
    private static string Translated(Match match) => match.Value switch
    {
        "(?P<" => "(?<",
        @"\Z" => @"\z",
        ['\\', ..] escaped => escaped,
        _ => $@"\k<{match.Groups["name"].Value}>",
    };

    // An escaped character is taken whole, so that what follows an escaped backslash is none.
    [GeneratedRegex(@"\\.|\(\?P<|\(\?P=(?<name>\w+)\)", RegexOptions.Singleline)]
    private static partial Regex PythonOnly();

    private bool IsEqual(JsonElement found) => Value.ToJsonString() == (found.ValueKind == JsonValueKind.Number
        ? found.GetDouble().ToString("R", CultureInfo.InvariantCulture)
        : found.GetRawText());
}
