using System.Globalization;
using System.Text.Json;

namespace Marrow.Adapters.Peft;

/// <summary>Which layers an adapter_config.json means, by PEFT's rules (peft/tuners/tuners_utils.py).</summary>
/// <param name="config">The configuration.</param>
internal sealed class PeftTargets(JsonElement config)
{
    private const string AllLinear = "all-linear";

    /// <summary>Whether a layer is adapted.</summary>
    /// <param name="layer">Its name.</param>
    /// <param name="isInner">Whether it is a linear layer and no output head, which "all-linear" means.</param>
    /// <exception cref="FormatException">A pattern is no regular expression.</exception>
    public bool Mean(string layer, bool isInner)
    {
        if (Matches("exclude_modules", layer) is true)
        {
            return false;
        }

        return Matches("target_modules", layer) is not { } matches
            ? throw new FormatException("target_modules is neither a list of names nor a pattern")
            : config.GetProperty("target_modules") switch
            {
                { ValueKind: JsonValueKind.String } pattern => pattern.ValueEquals(AllLinear) ? isInner : matches,
                var names => matches
                    && (names.EnumerateArray().Any(name => name.ValueEquals(layer)) || IsInTransformedLayer(layer)),
            };
    }

    /// <summary>Whether a module is one that a name means: PEFT takes names as endings.</summary>
    public static bool IsNamed(string module, string name) =>
        module == name || module.EndsWith("." + name, StringComparison.Ordinal);

    /// <summary>A regular expression over the whole name, or a list of names and endings; null: neither.</summary>
    private bool? Matches(string field, string layer) =>
        !config.TryGetProperty(field, out var value) ? null : value.ValueKind switch
        {
            JsonValueKind.String => PeftField.IsMatch(field, value.GetString()!, layer, isEnding: false),
            JsonValueKind.Array => PeftField.Names(field, value).Any(name => IsNamed(layer, name)),
            _ => null,
        };

    /// <summary>Whether the number of the block that a layer lies in is one of layers_to_transform.</summary>
    private bool IsInTransformedLayer(string layer)
    {
        if (!config.TryGetProperty("layers_to_transform", out var wanted)
            || wanted.ValueKind is not (JsonValueKind.Number or JsonValueKind.Array)
            || (wanted.ValueKind == JsonValueKind.Array && wanted.GetArrayLength() == 0))
        {
            return true;
        }

        return Lists("layers_pattern").DefaultIfEmpty("[^.]*")
            .Select(pattern => PeftField.Match("layers_pattern", $@"^.*\.{pattern}\.(\d+)\.", layer))
            .FirstOrDefault(match => match.Success) is { } match
                && int.TryParse(match.Groups[1].Value, CultureInfo.InvariantCulture, out var number)
                && (wanted.ValueKind == JsonValueKind.Number
                    ? Number(wanted) == number
                    : wanted.EnumerateArray().Any(one => Number(one) == number));

        static int Number(JsonElement one) =>
            one.ValueKind == JsonValueKind.Number && one.TryGetInt32(out var number) ? number
                : throw new FormatException($"layers_to_transform has {one.GetRawText()}, which is no layer's number");
    }

    private IEnumerable<string> Lists(string field) => !config.TryGetProperty(field, out var value) ? []
        : value.ValueKind switch
        {
            JsonValueKind.String => [value.GetString()!],
            JsonValueKind.Array => PeftField.Names(field, value),
            _ => [],
        };
}
