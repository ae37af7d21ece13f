namespace Marrow.Shared;

/// <summary>
/// Which layers a class-level annotation means: glob patterns over layer names, joined by <c>|</c>. <c>*</c> stands
/// for any text, dots too; <c>?</c> for one character. Compiled into the generator and the runtime alike.
/// </summary>
internal static class LayerTargets
{
    /// <summary>Whether a layer is meant. Without targets: every layer but an output head.</summary>
    /// <param name="targets">Patterns of the layers that are meant, or null.</param>
    /// <param name="exclude">Patterns of those among them that are not, or null.</param>
    /// <param name="layer">The layer's name.</param>
    /// <param name="isHead">Whether it is an output head.</param>
    public static bool Mean(string? targets, string? exclude, string layer, bool isHead) =>
        (targets is null ? !isHead : Match(targets, layer)) && !(exclude is not null && Match(exclude, layer));

    /// <summary>
    /// Whether a layer that is not linear is meant: targets must name it. A pattern that ends in <c>*</c> alone, as
    /// <c>layers.*</c>, means linear layers only.
    /// </summary>
    public static bool Name(string? targets, string? exclude, string layer) =>
        targets is not null
        && Array.Exists(targets.Split('|'), pattern => Names(pattern.Trim(' ')) && MatchOne(pattern.Trim(' '), layer))
        && !(exclude is not null && Match(exclude, layer));

    /// <summary>Whether the last part of a pattern is more than wildcards.</summary>
    public static bool Names(string pattern) =>
        pattern.Substring(pattern.LastIndexOf('.') + 1).Trim('*', '?').Length > 0;

    /// <summary>Whether one of the patterns matches a name.</summary>
    public static bool Match(string patterns, string layer) =>
        Array.Exists(patterns.Split('|'), pattern => MatchOne(pattern.Trim(' '), layer));

    /// <summary>
    /// A name and those of the modules around it, from the innermost: <c>a.b.c</c>, <c>a.b</c>, <c>a</c>.
    /// </summary>
    public static IEnumerable<string> Around(string layer)
    {
        for (var end = layer.Length; end > 0; end = layer.LastIndexOf('.', end - 1))
        {
            yield return layer.Substring(0, end);
        }
    }

    private static bool MatchOne(string pattern, string text)
    {
        // The usual two-pointer walk: on a mismatch, let the last star take one character more.
        int p = 0, t = 0, star = -1, mark = 0;
        while (t < text.Length)
        {
            if (p < pattern.Length && pattern[p] == '*')
            {
                star = p++;
                mark = t;
            }
            else if (p < pattern.Length && (pattern[p] == '?' || pattern[p] == text[t]))
            {
                p++;
                t++;
            }
            else if (star >= 0)
            {
                p = star + 1;
                t = ++mark;
            }
            else
            {
                return false;
            }
        }

        while (p < pattern.Length && pattern[p] == '*')
        {
            p++;
        }

        return p == pattern.Length;
    }
}
