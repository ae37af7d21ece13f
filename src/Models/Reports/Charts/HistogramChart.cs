namespace Marrow.Reports;

/// <summary>Counts of values on a grid of levels.</summary>
/// <param name="Name">What they are of.</param>
/// <param name="Start">Where the first bin starts, half a level below the first level.</param>
/// <param name="Levels">How many levels the bins span.</param>
/// <param name="Counts">A count for each bin.</param>
public sealed record ChartHistogram(string Name, double Start, int Levels, IReadOnlyList<long> Counts);

/// <summary>
/// Where values lie on a grid of levels, one histogram below another as papers on oscillation show them: levels at
/// whole numbers, the boundaries between them dashed. The outermost bins, which hold all that is clipped, are cut off.
/// </summary>
/// <param name="across">What the horizontal axis shows.</param>
/// <param name="up">What the vertical axis shows.</param>
/// <param name="histograms">The histograms.</param>
public sealed class HistogramChart(
    string across, string up, IReadOnlyList<ChartHistogram> histograms) : Chart
{
    private const double Top = 8, Plot = 112, Title = 46, Bottom = 50;

    /// <inheritdoc/>
    public override double HeightAt(double width) => Top + (histograms.Count * (Plot + Title)) + Bottom;

    /// <inheritdoc/>
    public override void Draw(IChartCanvas canvas, double width)
    {
        foreach (var (number, histogram) in histograms.Index())
        {
            var top = Top + Title + (number * (Plot + Title));
            DrawOne(canvas, histogram, number, width, top);
        }

        canvas.Text(across, (70 + width) / 2, HeightAt(width) - 12, 0.5, ChartInk.Ink);
        canvas.Text(up, 9, (HeightAt(width) - Bottom) / 2, 0.5, ChartInk.Ink, isUpward: true);
    }

    private static void DrawOne(
        IChartCanvas canvas, ChartHistogram histogram, int number, double width, double top)
    {
        var (start, end) = (histogram.Start, histogram.Start + histogram.Levels);
        var most = Math.Max(1, histogram.Counts.Skip(1).SkipLast(1).DefaultIfEmpty(0).Max());
        var y = new AxisScale(0, most, top + Plot, top);
        var x = new AxisScale(start, end, 70, width - 14);
        canvas.Text(histogram.Name, x.Start, top - 14, 0, ChartInk.Ink);
        foreach (var mark in y.Marks(3))
        {
            canvas.Line([(x.Start, y.Place(mark)), (x.End, y.Place(mark))], Grid);
            canvas.Text(AxisScale.Text(mark), x.Start - 8, y.Place(mark), 1, ChartInk.Quiet);
        }

        var bin = (double)histogram.Levels / histogram.Counts.Count;
        foreach (var (index, count) in histogram.Counts.Index())
        {
            var (left, right) = (x.Place(start + (index * bin)), x.Place(start + ((index + 1) * bin)));
            canvas.Bar(left, y.Place(count), right - left, y.Start - y.Place(count), number);
        }

        for (var boundary = start + 1; boundary < end; boundary++)
        {
            canvas.Line([(x.Place(boundary), top), (x.Place(boundary), y.Start)], new(
                ChartInk.Quiet, Dashes: [5, 4]));
        }

        canvas.Line([(x.Start, y.Start), (x.End, y.Start)], Axis);
        var each = Math.Max(1, (int)Math.Ceiling(histogram.Levels / ((x.End - x.Start) / 40)));
        for (var level = 0; level < histogram.Levels; level += each)
        {
            canvas.Text(
                AxisScale.Text(start + 0.5 + level), x.Place(start + 0.5 + level), y.Start + 12, 0.5, ChartInk.Quiet);
        }
    }
}
