using SkiaSharp;

namespace Marrow.Examples;

/// <summary>
/// A small font of strokes, drawn here: a bare machine has no fonts at all, and with one of its own the picture is the
/// same everywhere. It has the characters that the examples write.
/// </summary>
internal static class StrokeFont
{
    private const float CapitalHeight = 7, Spacing = 1.5f, Weight = 0.85f;
    private const string RightBowl =
        "M4-2.5a2 2.5 0 1 1-4 0a2 2.5 0 1 1 4 0", LeftBowl = "M0-2.5a2 2.5 0 1 1 4 0a2 2.5 0 1 1-4 0";

    /// <summary>Width and outline (an SVG path; the baseline is y = 0) of each character.</summary>
    private static readonly Dictionary<char, (float Width, string Path)> Glyphs = new()
    {
        [' '] = (1.4f, ""),
        ['-'] = (2.6f, "M.2-2.7H2.4"),
        ['+'] = (3.6f, "M.2-2.7H3.4M1.8-4.3V-1.1"),
        ['.'] = (0.5f, "M.25-.1V0"),
        [','] = (0.7f, "M.4-.2L.1 1.1"),
        ['%'] = (5.6f, "M5-7L.8 0M0-5.5a1.2 1.5 0 1 1 2.4 0a1.2 1.5 0 1 1-2.4 0"
            + "M3.4-1.5a1.2 1.5 0 1 1 2.4 0a1.2 1.5 0 1 1-2.4 0"),
        ['0'] = (4.2f, "M0-3.5a2.1 3.5 0 1 1 4.2 0a2.1 3.5 0 1 1-4.2 0"),
        ['1'] = (3.2f, "M.5-5.6L2.3-7V0"),
        ['2'] = (4.2f, "M.2-5.3C.3-6.4 1.1-7 2.1-7 3.2-7 4-6.2 4-5.2 4-3.6 1.5-2.4.1 0H4.2"),
        ['3'] = (4.2f, "M.3-6C.7-6.7 1.3-7 2.1-7 3.2-7 3.9-6.3 3.9-5.4 3.9-4.4 3.1-3.8 1.7-3.8 "
            + "3.2-3.8 4.2-3.1 4.2-2 4.2-.8 3.3 0 2.1 0 1.1 0 .4-.4 0-1.2"),
        ['4'] = (4.4f, "M3.2 0V-7L0-2H4.4"),
        ['5'] = (4.2f, "M3.8-7H.7L.4-3.9C.9-4.3 1.4-4.5 2.1-4.5 3.4-4.5 4.2-3.6 4.2-2.3 "
            + "4.2-.9 3.3 0 2 0 1.1 0 .4-.4 0-1.1"),
        ['6'] = (4.2f, "M3.7-6.3C3.3-6.8 2.8-7 2.2-7 .8-7 0-5.3 0-2.2a2.1 2.2 0 1 0 4.2 0a2.1 2.2 0 1 0-4.2 0"),
        ['7'] = (4.2f, "M0-7H4.2C2.8-4.8 1.8-2.6 1.5 0"),
        ['8'] = (4.2f, "M.3-5.3a1.8 1.7 0 1 1 3.6 0a1.8 1.7 0 1 1-3.6 0M0-1.8a2.1 1.8 0 1 1 4.2 0a2.1 1.8 0 1 1-4.2 0"),
        ['9'] = (4.2f, "M4.2-4.8a2.1 2.2 0 1 0-4.2 0a2.1 2.2 0 1 0 4.2 0C4.2-1.7 3.4 0 2 0 1.4 0 .9-.2.5-.7"),
        ['F'] = (3.8f, "M0 0V-7H3.8M0-3.7H3.3"),
        ['a'] = (4, "M4-5V0" + RightBowl),
        ['b'] = (4, "M0-7.5V0" + LeftBowl),
        ['c'] = (3.7f, "M3.6-4.1A2 2.5 0 1 0 3.6-.9"),
        ['d'] = (4, "M4-7.5V0" + RightBowl),
        ['e'] = (4, "M0-2.6H4A2 2.5 0 1 0 3.6-.9"),
        ['f'] = (2.6f, "M2.8-7.3C1.5-7.7 1-7 1-6V0M-.3-5H2.4"),
        ['g'] = (4, "M4-5V.2C4 2.6 1.4 2.8.2 1.8" + RightBowl),
        ['h'] = (3.8f, "M0-7.5V0M0-3C.3-4.4 1.2-5 2.1-5 3.3-5 3.8-4.2 3.8-3V0"),
        ['i'] = (0.6f, "M.3-5V0M.3-7V-6.9"),
        ['j'] = (0.9f, "M.6-5V.6C.6 1.8 0 2.2-.6 2.1M.6-7V-6.9"),
        ['k'] = (3.6f, "M0-7.5V0M3.4-5L0-1.9M1.4-3.1L3.6 0"),
        ['l'] = (0.6f, "M.3-7.5V0"),
        ['m'] = (6.4f, "M0-5V0M0-3.2C.3-4.4 1-5 1.8-5 2.8-5 3.2-4.2 3.2-3.2V0"
            + "M3.2-3.2C3.5-4.4 4.2-5 5-5 6-5 6.4-4.2 6.4-3.2V0"),
        ['n'] = (3.8f, "M0-5V0M0-3C.3-4.4 1.2-5 2.1-5 3.3-5 3.8-4.2 3.8-3V0"),
        ['o'] = (4.2f, "M0-2.5a2.1 2.5 0 1 1 4.2 0a2.1 2.5 0 1 1-4.2 0"),
        ['p'] = (4, "M0-5V2.3" + LeftBowl),
        ['q'] = (4, "M4-5V2.3" + RightBowl),
        ['r'] = (2.3f, "M0-5V0M0-2.8C.3-4.4 1.3-5.1 2.4-4.9"),
        ['s'] = (3.5f, "M3.3-4.2C2.9-4.8 2.3-5 1.7-5 .8-5 .2-4.4.2-3.7.2-2 3.5-3 "
            + "3.5-1.3 3.5-.5 2.7 0 1.8 0 1 0 .4-.3 0-.9"),
        ['t'] = (2.6f, "M1.1-6.6V-1.4C1.1-.3 1.7 0 2.7-.2M-.2-5H2.6"),
        ['u'] = (3.8f, "M0-5V-2C0-.7.6 0 1.8 0 2.8 0 3.6-.8 3.8-2M3.8-5V0"),
        ['v'] = (3.8f, "M0-5L1.9 0 3.8-5"),
        ['w'] = (5.8f, "M0-5L1.4 0 2.9-4.6 4.4 0 5.8-5"),
        ['x'] = (3.6f, "M0-5L3.6 0M3.6-5L0 0"),
        ['y'] = (3.8f, "M0-5L1.9-.2M3.8-5L1.9 0C1.3 1.6.8 2.2-.3 2.1"),
        ['z'] = (3.5f, "M0-5H3.4L0 0H3.5"),
    };

    /// <summary>Writes a text on a baseline.</summary>
    /// <param name="canvas">Where.</param>
    /// <param name="text">What; a character that the font lacks leaves a gap.</param>
    /// <param name="x">The point on the baseline that <paramref name="anchor"/> refers to.</param>
    /// <param name="y">The baseline.</param>
    /// <param name="height">Height of the capitals.</param>
    /// <param name="color">The color.</param>
    /// <param name="anchor">0: x is the left end; 1: the right end; 0.5: the middle.</param>
    public static void Write(
        SKCanvas canvas, string text, float x, float y, float height, SKColor color, float anchor = 0)
    {
        using var paint = new SKPaint
        {
            Color = color,
            IsAntialias = true,
            Style = SKPaintStyle.Stroke,
            StrokeWidth = Weight,
            StrokeCap = SKStrokeCap.Round,
            StrokeJoin = SKStrokeJoin.Round,
        };
        canvas.Save();
        canvas.Translate(x - (anchor * Width(text, height)), y);
        canvas.Scale(height / CapitalHeight);
        foreach (var character in text)
        {
            var (width, outline) = Glyph(character);
            using var path = SKPath.ParseSvgPathData(outline);
            canvas.DrawPath(path, paint);
            canvas.Translate(width + Spacing, 0);
        }

        canvas.Restore();
    }

    /// <summary>How wide a text is.</summary>
    public static float Width(string text, float height) =>
        (text.Sum(character => Glyph(character).Width + Spacing) - Spacing) * height / CapitalHeight;

    private static (float Width, string Path) Glyph(char character) => Glyphs.GetValueOrDefault(character, (4, ""));
}
