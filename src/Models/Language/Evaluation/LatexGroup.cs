namespace Marrow.Language;

/// <summary>Groups of LaTeX: what is within balanced braces.</summary>
internal static class LatexGroup
{
    /// <summary>
    /// The place behind the brace that closes the one at <paramref name="open"/>; null if none does. Escaped braces are
    /// text.
    /// </summary>
    public static int? End(string text, int open)
    {
        var depth = 0;
        for (var i = open; i < text.Length; i++)
        {
            switch (text[i])
            {
                case '\\':
                    i++;
                    break;
                case '{':
                    depth++;
                    break;
                case '}' when --depth == 0:
                    return i + 1;
            }
        }

        return null;
    }
}
