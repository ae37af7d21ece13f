namespace Marrow.Reports;

/// <summary>A chart, drawn at any width.</summary>
public abstract class Chart
{
    /// <summary>Height of a line of text.</summary>
    private protected const double LineHeight = 19;

    private protected static readonly ChartStroke Grid = new(ChartInk.Grid), Axis = new(ChartInk.Quiet);

    /// <summary>How high it is at a width.</summary>
    public abstract double HeightAt(double width);

    /// <summary>Draws it.</summary>
    /// <param name="canvas">On what.</param>
    /// <param name="width">How wide it is to be.</param>
    public abstract void Draw(IChartCanvas canvas, double width);

    /// <summary>The chart as an SVG, whose colors the page's style says.</summary>
    /// <param name="width">How wide it is to be.</param>
    public string ToSvg(double width)
    {
        var canvas = new SvgCanvas(width, HeightAt(width));
        Draw(canvas, width);
        return canvas.ToString();
    }
}
