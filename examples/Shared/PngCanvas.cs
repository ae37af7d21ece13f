using Marrow.Reports;
using SkiaSharp;

namespace Marrow.Examples;

/// <summary>Charts as pictures of pixels, on white paper and in a font that needs no machine to have one.</summary>
internal sealed class PngCanvas : IChartCanvas
{
    private const float TextHeight = 9, Scale = 2;

    // Colors that stay apart for color-blind readers too (Okabe and Ito, darkened where they are too light for lines).
    private static readonly SKColor[] Colors =
    [
        new(0x00, 0x72, 0xB2), new(0xD5, 0x5E, 0x00), new(0x00, 0x9E, 0x73), new(0xB8, 0x54, 0x8F),
        new(0xC9, 0x8A, 0x00), new(0x3A, 0x9B, 0xD6), new(0x44, 0x4B, 0x55), new(0x99, 0x44, 0x55),
        new(0x5F, 0x8F, 0x00), new(0x77, 0x55, 0xCC),
    ];

    private readonly SKCanvas canvas;

    private PngCanvas(SKCanvas canvas) => this.canvas = canvas;

    /// <summary>Writes a chart as a PNG.</summary>
    /// <param name="path">The file; it appears whole or not at all.</param>
    /// <param name="chart">The chart.</param>
    /// <param name="width">Its width in units, of each of which the picture has two pixels.</param>
    public static void Write(string path, Chart chart, int width = 860)
    {
        var height = (int)Math.Ceiling(chart.HeightAt(width));
        using var surface = SKSurface.Create(new SKImageInfo(
            (int)(width * Scale), (int)(height * Scale), SKColorType.Rgba8888, SKAlphaType.Opaque));
        surface.Canvas.Clear(SKColors.White);
        surface.Canvas.Scale(Scale);
        chart.Draw(new PngCanvas(surface.Canvas), width);

        // A surface in main memory always has pixels to look at.
        using var pixels = surface.PeekPixels()!;
        using var png = pixels.Encode(new SKPngEncoderOptions(SKPngEncoderFilterFlags.AllFilters, zLibLevel: 9))!;
        AtomicFile.Write(path, png.SaveTo);
    }

    /// <inheritdoc/>
    public void Line(IReadOnlyList<(double X, double Y)> points, ChartStroke stroke)
    {
        using var dashes = stroke.Dashes is { } lengths
            ? SKPathEffect.CreateDash([.. lengths.Select(length => (float)length)], 0)
            : null;
        using var paint = new SKPaint
        {
            Color = ColorOf(stroke.Ink, stroke.Series).WithAlpha((byte)(255 * stroke.Opacity)),
            StrokeWidth = (float)stroke.Width,
            IsAntialias = true,
            IsStroke = true,
            StrokeJoin = SKStrokeJoin.Round,
            PathEffect = dashes,
        };
        using var path = new SKPath();
        path.AddPoly([.. points.Select(point => new SKPoint((float)point.X, (float)point.Y))], close: false);
        canvas.DrawPath(path, paint);
    }

    /// <inheritdoc/>
    public void Bar(double x, double y, double width, double height, int series)
    {
        using var paint = new SKPaint { Color = ColorOf(ChartInk.Series, series) };
        canvas.DrawRect((float)x, (float)y, (float)width, (float)height, paint);
    }

    /// <inheritdoc/>
    public void Text(string text, double x, double y, double anchor, ChartInk ink, bool isUpward = false)
    {
        canvas.Save();
        canvas.Translate((float)x, (float)y);
        canvas.RotateDegrees(isUpward ? -90 : 0);
        StrokeFont.Write(canvas, text, 0, TextHeight / 2, TextHeight, ColorOf(ink, 0), (float)anchor);
        canvas.Restore();
    }

    /// <inheritdoc/>
    public double WidthOf(string text) => StrokeFont.Width(text, TextHeight);

    private static SKColor ColorOf(ChartInk ink, int series) => ink switch
    {
        ChartInk.Ink => new(0x1D, 0x21, 0x26),
        ChartInk.Quiet => new(0x62, 0x6A, 0x75),
        ChartInk.Grid => new(0xE3, 0xE6, 0xEA),
        _ => Colors[series % Colors.Length],
    };
}
