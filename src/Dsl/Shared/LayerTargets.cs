namespace Marrow.Shared;

/// <summary>
/// Which layers a class-level annotation means: glob patterns over layer names, joined by <c>|</c>. <c>*</c> stands
/// for any text, dots too; <c>?</c> for one character. Compiled into the generator and the runtime alike.
/// </summary>
internal static class LayerTargets
{
    private static readonly string[] OutputHeads = ["lm_head", "head", "head_dist", "head.fc"];

    /// <summary>
    /// Whether a linear layer of this name is meant. Without patterns: every layer but an output head.
    /// </summary>
    public static bool Match(string? patterns, string layer) => patterns is null
        ? !IsOutputHead(layer)
        : Array.Exists(patterns.Split('|'), pattern => MatchOne(pattern.Trim(), layer));

    /// <summary>Whether a layer of this name is an output head.</summary>
    public static bool IsOutputHead(string layer) =>
        Array.Exists(OutputHeads, head => layer == head || layer.EndsWith("." + head, StringComparison.Ordinal));

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
