using System.Text;

namespace Marrow.Models;

/// <summary>
/// Rows of cells as aligned text of at most 120 columns: empty columns are left out, and where the rest is still too
/// wide, the middle of the longest first cells.
/// </summary>
internal static class TextTable
{
    private const int Widest = 120, Gap = 2, ShortestName = 24;

    /// <param name="lines">The heads, and then the rows.</param>
    /// <param name="words">How many columns, from the first on, hold words; the others are numbers.</param>
    public static string Of(IReadOnlyList<string[]> lines, int words)
    {
        var shown = Enumerable.Range(0, lines[0].Length)
            .Where(column => lines.Skip(1).Any(line => line[column].Length > 0))
            .ToList();
        var widths = shown.ToDictionary(column => column, column => lines.Max(line => line[column].Length));
        var room = Widest - shown.Skip(1).Sum(column => widths[column] + Gap);
        widths[0] = Math.Min(widths[0], Math.Max(room, ShortestName));
        var text = new StringBuilder();
        foreach (var line in lines)
        {
            var cells = shown.Select(column => column < words
                ? Shorten(line[column], widths[column]).PadRight(widths[column])
                : line[column].PadLeft(widths[column]));
            text.AppendJoin(new string(' ', Gap), cells).AppendLine();
        }

        return text.ToString();
    }

    private static string Shorten(string name, int width) => name.Length <= width
        ? name
        : $"{name.AsSpan(0, (width - 1) / 2)}…{name.AsSpan(name.Length - (width / 2))}";
}
