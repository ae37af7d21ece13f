namespace Marrow.Generators.Emission;

/// <summary>Property patterns over <c>LinearSite</c> that tell quantized layers apart.</summary>
internal static class SitePatterns
{
    /// <summary>Each layer with the pattern of its sites; those with run-time sizes last.</summary>
    public static IEnumerable<(string Pattern, SpecialLayer Layer)> Of(IEnumerable<SpecialLayer> layers)
    {
        var all = layers.Distinct().OrderBy(Unknowns).ToList();
        return all.Select(layer => (Pattern(layer, all), layer));
    }

    private static int Unknowns(SpecialLayer layer) =>
        (layer.IsConstant ? 0 : 2) + (layer.Tokens is { Integer: null } ? 1 : 0);

    /// <summary>Only what differs among layers of equal sizes is written out.</summary>
    private static string Pattern(SpecialLayer layer, IReadOnlyList<SpecialLayer> all)
    {
        var like = all.Where(other => (other.In, other.Out) == (layer.In, layer.Out)).ToList();
        List<string> parts = [];
        if (layer.IsConstant)
        {
            parts.AddRange([$"InFeatures: {layer.In}", $"OutFeatures: {layer.Out}"]);
        }

        if (like.Select(other => other.Tokens).Distinct().Count() > 1)
        {
            parts.Add(layer.Tokens is null ? "Tokens: null" : layer.Tokens.Integer is { } tokens ? $"Tokens: {tokens}" : "Tokens: not null");
        }

        if (like.Select(other => other.PositiveInput).Distinct().Count() > 1)
        {
            parts.Add(layer.PositiveInput ? "PositiveInput: true" : "PositiveInput: false");
        }

        if (like.Select(other => other.HasBias).Distinct().Count() > 1 && layer.HasBias is { } hasBias)
        {
            parts.Add(hasBias ? "HasBias: true" : "HasBias: false");
        }

        return parts.Count == 0 ? "_" : $"{{ {string.Join(", ", parts)} }}";
    }
}
