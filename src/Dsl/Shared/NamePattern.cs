namespace Marrow.Shared;

/// <summary>
/// A name of a tensor, or of a layer, which then stands for all its tensors; <c>*</c> stands for any text, dots too, and
/// takes as little as it can.
/// </summary>
internal sealed class NamePattern(string text)
{
    private readonly string[] literals = text.Split('*');

    /// <summary>The pattern as written.</summary>
    public string Text { get; } = text;

    /// <summary>How often it has a star.</summary>
    public int Stars => literals.Length - 1;

    /// <summary>What a name has in place of the stars, and what follows the pattern; null if it does not match.</summary>
    public (string[] Stars, string After)? Match(string name)
    {
        if (!name.StartsWith(literals[0], StringComparison.Ordinal))
        {
            return null;
        }

        // The earliest place leaves the most to what follows, so no other has to be tried.
        var (stars, end) = (new string[Stars], literals[0].Length);
        for (var i = 1; i < literals.Length; i++)
        {
            var start = name.IndexOf(literals[i], end, StringComparison.Ordinal);
            while (start >= 0 && i == Stars && !IsEnd(name, start + literals[i].Length))
            {
                start = name.IndexOf(literals[i], start + 1, StringComparison.Ordinal);
            }

            if (start < 0)
            {
                return null;
            }

            stars[i - 1] = name.Substring(end, start - end);
            end = start + literals[i].Length;
        }

        return IsEnd(name, end) ? (stars, name.Substring(end)) : null;
    }

    /// <summary>The name that the pattern means with these texts in place of its stars.</summary>
    public string Fill(string[] stars)
    {
        var name = literals[0];
        for (var i = 1; i < literals.Length; i++)
        {
            name += stars[i - 1] + literals[i];
        }

        return name;
    }

    /// <summary>
    /// Whether the pattern leads into a module, part by part of its name, and so may mean something inside. One that
    /// starts with a star leads anywhere.
    /// </summary>
    /// <param name="start">The module's name with a dot, or nothing for all names.</param>
    public bool LeadsInto(string start)
    {
        var (parts, modules) = (Text.Split('.'), start.TrimEnd('.').Split('.'));
        return start.Length == 0 || Text[0] == '*' || (parts.Length > modules.Length
            && modules.Zip(parts, (module, part) => LayerTargets.Match(part, module)).All(isMatch => isMatch));
    }

    private static bool IsEnd(string name, int position) => position == name.Length || name[position] == '.';
}
