using SkiaSharp;

namespace Marrow.Examples.QuantizeVit.Pictures;

/// <summary>The share of oscillating weights over the steps of each method.</summary>
internal static class OscillationPicture
{
    private const int Width = 860, Height = 460;

    /// <summary>Draws the picture as a PNG.</summary>
    public static void Write(string path, IReadOnlyList<MethodResult> methods) =>
        Axes.WriteSheet(path, Width, Height, canvas =>
    {
        var area = new SKRect(80, 70, Width - 190, Height - 60);
        var last = methods.Max(method => method.Oscillation.Max(point => point.Step));
        var top = 110 * Math.Max(1e-4, methods.Max(method => method.Oscillation.Max(point => point.Share)));
        var axes = new Axes(canvas, area, 0, last, top);
        StrokeFont.Write(canvas, "weights that oscillate, percent", area.Left, 40, 15, Axes.Ink);
        for (var value = 0.0; value <= top; value += Axes.Distance(top))
        {
            axes.Horizontal(value, Axes.Text(value));
        }

        for (var step = 0.0; step <= last; step += Axes.Distance(last))
        {
            axes.Vertical(step, Axes.Text(step));
        }

        StrokeFont.Write(canvas, "step", area.MidX, Height - 14, Axes.TextHeight, Axes.Ink, anchor: 0.5f);
        foreach (var (index, method) in methods.Index())
        {
            using var paint = new SKPaint
            {
                Color = Axes.Colors[index],
                StrokeWidth = 2.5f,
                IsAntialias = true,
                IsStroke = true,
                StrokeJoin = SKStrokeJoin.Round,
            };
            using var line = new SKPath();
            line.AddPoly([.. method.Oscillation.Select(point =>
                new SKPoint(axes.X(point.Step), axes.Y(100 * point.Share)))], close: false);
            canvas.DrawPath(line, paint);
            var y = area.Top + 10 + (26 * index);
            canvas.DrawLine(area.Right + 16, y, area.Right + 40, y, paint);
            StrokeFont.Write(
                canvas,
                method.Method.Replace('+', ' '),
                area.Right + 50,
                y + (Axes.TextHeight / 2),
                Axes.TextHeight,
                Axes.Ink);
        }
    });
}
