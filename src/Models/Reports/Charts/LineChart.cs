namespace Marrow.Reports;

/// <summary>A curve of a chart.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Points">Its points, from left to right.</param>
/// <param name="IsNoisy">Whether it is drawn smoothed over its faint values.</param>
public sealed record ChartSeries(string Name, IReadOnlyList<(double X, double Y)> Points, bool IsNoisy = false);

/// <summary>
/// Curves over common axes. Each has a color and a pattern of dashes of its own, and its name at its end, or below the
/// axes where there is no room beside them; nothing covers a curve.
/// </summary>
/// <param name="across">What the horizontal axis shows.</param>
/// <param name="up">What the vertical axis shows.</param>
/// <param name="series">The curves.</param>
/// <param name="isLogarithmic">Whether the vertical axis is logarithmic; values that are not positive are left
/// out.</param>
public sealed class LineChart(
    string across, string up, IReadOnlyList<ChartSeries> series, bool isLogarithmic = false) : Chart
{
    private const double Top = 14, Bottom = 50, Narrow = 560, Gap = 12, KeyLength = 26;
    private const int MostPoints = 400;

    // As many as there are colors: together they tell ten curves apart, for color-blind readers and on paper too.
    private static readonly IReadOnlyList<double>?[] Dashes =
        [null, [7, 3], [2, 3], [10, 3, 2, 3], null, [7, 3], [2, 3], [10, 3, 2, 3], null, [7, 3]];

    private readonly IReadOnlyList<ChartSeries> series =
    [
        .. series.Select(one => one with { Points = [.. one.Points.Where(point => !isLogarithmic || point.Y > 0)] })
            .Where(one => one.Points.Count > 0),
    ];

    /// <inheritdoc/>
    public override double HeightAt(double width) => width < Narrow
        ? 280 + (((series.Count + 1) / 2) * LineHeight)
        : Math.Max(360, Top + Bottom + ((series.Count + 1) * LineHeight));

    /// <inheritdoc/>
    public override void Draw(IChartCanvas canvas, double width)
    {
        if (series.Count == 0)
        {
            canvas.Text("nothing was measured", width / 2, HeightAt(width) / 2, 0.5, ChartInk.Quiet);
            return;
        }

        var all = series.SelectMany(one => one.Points).ToList();
        var (low, high) = Range(all);
        var isNarrow = width < Narrow;
        var names = series.Max(one => canvas.WidthOf(one.Name));
        var bottom = isNarrow ? 280 - Bottom : HeightAt(width) - Bottom;
        var y = new AxisScale(low, high, bottom, Top, isLogarithmic);
        var marks = y.Marks(6).ToList();
        var left = 34 + marks.Max(mark => canvas.WidthOf(AxisScale.Text(mark)));
        var right = isNarrow ? width - 14 : width - names - KeyLength - (3 * Gap);
        var x = new AxisScale(
            Math.Min(0, all.Min(point => point.X)), Math.Max(all.Max(point => point.X), 1), left, right);
        DrawAxes(canvas, x, y, marks, isNarrow ? 4 : 6);
        foreach (var (number, one) in series.Index().Where(pair => pair.Item.IsNoisy))
        {
            canvas.Line(Places(one.Points, x, y), new(ChartInk.Series, number, 1, 0.22));
        }

        foreach (var (number, one) in series.Index())
        {
            canvas.Line(Places(one.IsNoisy ? Smoothing.Of(one.Points) : one.Points, x, y), Stroke(number));
        }

        if (isNarrow)
        {
            DrawKeyBelow(canvas, width, bottom + Bottom + 10);
        }
        else
        {
            DrawNames(canvas, x, y, right);
        }
    }

    private static ChartStroke Stroke(int number) =>
        new(ChartInk.Series, number, 2.2, 1, Dashes[number % Dashes.Length]);

    private (double Low, double High) Range(IReadOnlyList<(double X, double Y)> points)
    {
        var (low, high) = (points.Min(point => point.Y), points.Max(point => point.Y));
        if (isLogarithmic)
        {
            return (low / 1.1, high * 1.1);
        }

        low = Math.Min(0, low);
        return (low, high > low ? high + ((high - low) * 0.05) : low + 1);
    }

    private void DrawAxes(
        IChartCanvas canvas, AxisScale x, AxisScale y, IReadOnlyList<double> marks, int count)
    {
        foreach (var mark in marks)
        {
            canvas.Line([(x.Start, y.Place(mark)), (x.End, y.Place(mark))], Grid);
            canvas.Text(AxisScale.Text(mark), x.Start - 8, y.Place(mark), 1, ChartInk.Quiet);
        }

        foreach (var mark in x.Marks(count))
        {
            canvas.Line([(x.Place(mark), y.Start), (x.Place(mark), y.Start + 5)], Axis);
            canvas.Text(AxisScale.Text(mark), x.Place(mark), y.Start + 17, 0.5, ChartInk.Quiet);
        }

        canvas.Line([(x.Start, y.Start), (x.End, y.Start)], Axis);
        canvas.Text(across, (x.Start + x.End) / 2, y.Start + 38, 0.5, ChartInk.Ink);
        canvas.Text(up, 9, (y.Start + y.End) / 2, 0.5, ChartInk.Ink, isUpward: true);
    }

    /// <summary>The names at the ends of their curves, moved apart where these lie close.</summary>
    private void DrawNames(IChartCanvas canvas, AxisScale x, AxisScale y, double right)
    {
        var ends = series.Index()
            .Select(pair => (
                pair.Index, End: (pair.Item.IsNoisy ? Smoothing.Of(pair.Item.Points) : pair.Item.Points)[^1]))
            .OrderBy(pair => y.Place(pair.End.Y))
            .ToList();
        var places = Apart([.. ends.Select(pair => y.Place(pair.End.Y))], LineHeight, Top, y.Start);
        foreach (var ((number, end), place) in ends.Zip(places))
        {
            canvas.Line([(x.Place(end.X) + 2, y.Place(end.Y)), (right + Gap, place)], new(
                ChartInk.Series, number, 1, 0.5));
            canvas.Line([(right + Gap, place), (right + Gap + KeyLength, place)], Stroke(number));
            canvas.Text(series[number].Name, right + (2 * Gap) + KeyLength, place, 0, ChartInk.Ink);
        }
    }

    private void DrawKeyBelow(IChartCanvas canvas, double width, double top)
    {
        foreach (var (number, one) in series.Index())
        {
            var (left, y) = (10 + (number % 2 * width / 2), top + (number / 2 * LineHeight));
            canvas.Line([(left, y), (left + KeyLength, y)], Stroke(number));
            canvas.Text(one.Name, left + KeyLength + 8, y, 0, ChartInk.Ink);
        }
    }

    /// <summary>Sorted places, moved as little as needed to lie this far apart within these ends.</summary>
    private static double[] Apart(double[] places, double distance, double first, double last)
    {
        for (var i = 0; i < places.Length; i++)
        {
            places[i] = Math.Max(places[i], i == 0 ? first : places[i - 1] + distance);
        }

        for (var i = places.Length - 1; i >= 0; i--)
        {
            places[i] = Math.Min(places[i], i == places.Length - 1 ? last : places[i + 1] - distance);
        }

        return places;
    }

    /// <summary>The points on the chart; of very many only as many as can be seen.</summary>
    private static List<(double X, double Y)> Places(
        IReadOnlyList<(double X, double Y)> points, AxisScale x, AxisScale y)
    {
        var every = Math.Max(1, points.Count / MostPoints);
        return
        [
            .. points
                .Where((_, number) => number % every == 0 || number == points.Count - 1)
                .Select(point => (x.Place(point.X), y.Place(point.Y))),
        ];
    }
}
