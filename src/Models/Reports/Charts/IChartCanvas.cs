namespace Marrow.Reports;

/// <summary>What ink a chart is drawn with; how it looks on light and dark paper is the canvas's affair.</summary>
public enum ChartInk
{
    /// <summary>Text.</summary>
    Ink,

    /// <summary>Text and lines that step back.</summary>
    Quiet,

    /// <summary>Lines of a grid.</summary>
    Grid,

    /// <summary>One of the series, whose number says which.</summary>
    Series,
}

/// <summary>How a line is drawn.</summary>
/// <param name="Ink">Its ink.</param>
/// <param name="Series">The number of its series.</param>
/// <param name="Width">Its width.</param>
/// <param name="Opacity">1: it covers what is below.</param>
/// <param name="Dashes">Lengths of dashes and gaps; null: it is solid.</param>
public sealed record ChartStroke(
    ChartInk Ink, int Series = 0, double Width = 1, double Opacity = 1, IReadOnlyList<double>? Dashes = null);

/// <summary>What charts are drawn on: pictures in a page, or of pixels. Units are those of the chart's size.</summary>
public interface IChartCanvas
{
    /// <summary>A line through some points.</summary>
    void Line(IReadOnlyList<(double X, double Y)> points, ChartStroke stroke);

    /// <summary>A filled bar of a series.</summary>
    void Bar(double x, double y, double width, double height, int series);

    /// <summary>A text.</summary>
    /// <param name="text">The text.</param>
    /// <param name="x">What the anchor refers to.</param>
    /// <param name="y">The middle of its height.</param>
    /// <param name="anchor">0: x is the left end; 1: the right end; 0.5: the middle.</param>
    /// <param name="ink">Its ink.</param>
    /// <param name="isUpward">Whether it is written from below upward.</param>
    void Text(string text, double x, double y, double anchor, ChartInk ink, bool isUpward = false);

    /// <summary>How wide a text is.</summary>
    double WidthOf(string text);
}
