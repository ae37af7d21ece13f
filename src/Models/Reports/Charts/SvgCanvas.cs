using System.Globalization;
using System.Net;
using System.Text;

namespace Marrow.Reports;

/// <summary>An SVG whose colors are classes, so that the page's style decides them on light and dark paper.</summary>
internal sealed class SvgCanvas(double width, double height) : IChartCanvas
{
    private const double FontSize = 13;
    private readonly StringBuilder content = new();

    /// <inheritdoc/>
    public void Line(IReadOnlyList<(double X, double Y)> points, ChartStroke stroke)
    {
        var path = string.Join(' ', points.Select(point => $"{Text(point.X)},{Text(point.Y)}"));
        content.Append($"<polyline class=\"{Class(stroke.Ink, stroke.Series)}\" points=\"{path}\"");
        content.Append(stroke.Width != 1 ? $" stroke-width=\"{Text(stroke.Width)}\"" : "");
        content.Append(stroke.Opacity < 1 ? $" stroke-opacity=\"{Text(stroke.Opacity)}\"" : "");
        content.Append(stroke.Dashes is { } dashes
            ? $" stroke-dasharray=\"{string.Join(' ', dashes.Select(Text))}\"" : "");
        content.Append("/>\n");
    }

    /// <inheritdoc/>
    public void Bar(double x, double y, double width, double height, int series) => content.Append(
        $"<rect class=\"{Class(ChartInk.Series, series)}\" x=\"{Text(x)}\" y=\"{Text(y)}\" width=\"{Text(width)}\" "
        + $"height=\"{Text(height)}\"/>\n");

    /// <inheritdoc/>
    public void Text(string text, double x, double y, double anchor, ChartInk ink, bool isUpward = false)
    {
        var turn = isUpward ? $" transform=\"rotate(-90 {Text(x)} {Text(y)})\"" : "";
        var end = anchor switch { 0 => "start", 1 => "end", _ => "middle" };
        content.Append(
            $"<text class=\"{Class(ink, 0)}\" x=\"{Text(x)}\" y=\"{Text(y)}\" text-anchor=\"{end}\"{turn}>"
            + $"{WebUtility.HtmlEncode(text)}</text>\n");
    }

    /// <summary>As wide as in the wider of the usual fonts.</summary>
    public double WidthOf(string text) => text.Sum(letter => letter > 0x2e80 ? FontSize : 0.58 * FontSize);

    /// <inheritdoc/>
    public override string ToString() =>
        $"<svg viewBox=\"0 0 {Text(width)} {Text(height)}\" role=\"img\">\n{content}</svg>";

    private static string Class(ChartInk ink, int series) => ink switch
    {
        ChartInk.Series => $"s{series % 10}",
        _ => ink.ToString().ToLowerInvariant(),
    };

    private static string Text(double value) => value.ToString("0.##", CultureInfo.InvariantCulture);
}
