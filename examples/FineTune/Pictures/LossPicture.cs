using System.Globalization;
using SkiaSharp;

namespace Marrow.Examples.FineTune.Pictures;

/// <summary>
/// The loss of each method over its steps, on a logarithmic scale: smoothed over the faint raw values.
/// </summary>
internal static class LossPicture
{
    private const int Width = 860, Height = 500;
    private const float TextHeight = 10;
    private const int SmoothingShare = 40;

    // Colors that stay apart for color-blind readers too (Okabe and Ito).
    private static readonly SKColor[] Colors =
    [
        new(0x00, 0x72, 0xB2), new(0xD5, 0x5E, 0x00), new(0x00, 0x9E, 0x73), new(0xCC, 0x79, 0xA7),
        new(0xE6, 0x9F, 0x00), new(0x56, 0xB4, 0xE9), new(0x33, 0x33, 0x33), new(0x99, 0x44, 0x55),
        new(0x66, 0x99, 0x00), new(0x77, 0x55, 0xCC),
    ];

    private static readonly SKColor Ink = new(0x33, 0x38, 0x40);
    private static readonly SKColor Grid = new(0xE6, 0xE8, 0xEC);
    private static readonly SKColor Quiet = new(0x7A, 0x80, 0x8A);
    private static readonly SKRect Area = new(82, 70, Width - 28, Height - 62);

    /// <summary>Draws the picture as a PNG.</summary>
    public static void Write(string path, IReadOnlyList<MethodResult> methods)
    {
        using var surface = SKSurface.Create(new SKImageInfo(Width, Height, SKColorType.Rgba8888, SKAlphaType.Opaque));
        var canvas = surface.Canvas;
        canvas.Clear(SKColors.White);
        StrokeFont.Write(canvas, "Fine-tuning loss", Area.Left, 40, 15, Ink);

        var losses = methods.SelectMany(method => method.Losses).Where(loss => loss > 0).DefaultIfEmpty(1).ToList();
        var scale = new Scale(
            methods.Max(method => method.Losses.Count), Math.Log10(losses.Min()), Math.Log10(losses.Max()));
        DrawAxes(canvas, scale);
        canvas.Save();
        canvas.ClipRect(Area);
        foreach (var (index, method) in methods.Index())
        {
            DrawCurve(canvas, scale, method.Losses, Colors[index % Colors.Length].WithAlpha(56), 1);
        }

        foreach (var (index, method) in methods.Index())
        {
            DrawCurve(canvas, scale, Smooth(method.Losses), Colors[index % Colors.Length], 2.5f);
        }

        canvas.Restore();
        DrawLegend(canvas, methods);

        // A surface in main memory always has pixels to look at.
        using var pixels = surface.PeekPixels()!;
        using var png = pixels.Encode(new SKPngEncoderOptions(SKPngEncoderFilterFlags.AllFilters, zLibLevel: 9))!;
        AtomicFile.Write(path, png.SaveTo);
    }

    private static void DrawAxes(SKCanvas canvas, Scale scale)
    {
        using var line = new SKPaint { Color = Grid, StrokeWidth = 1 };
        double[] digits = scale.High - scale.Low < 1 ? [1, 1.5, 2, 3, 4, 5, 7] : [1, 2, 5];
        for (var power = (int)Math.Floor(scale.Low); power <= scale.High; power++)
        {
            foreach (var digit in digits)
            {
                var loss = digit * Math.Pow(10, power);
                if (Math.Log10(loss) >= scale.Low && Math.Log10(loss) <= scale.High)
                {
                    canvas.DrawLine(Area.Left, scale.Y(loss), Area.Right, scale.Y(loss), line);
                    StrokeFont.Write(
                        canvas,
                        loss.ToString("0.#####", CultureInfo.InvariantCulture),
                        Area.Left - 10,
                        scale.Y(loss) + (TextHeight / 2),
                        TextHeight,
                        Quiet,
                        anchor: 1);
                }
            }
        }

        var every = TickDistance(scale.Steps);
        for (var step = 0; step <= scale.Steps; step += every)
        {
            canvas.DrawLine(scale.X(step), Area.Top, scale.X(step), Area.Bottom, line);
            StrokeFont.Write(
                canvas,
                step.ToString(CultureInfo.InvariantCulture),
                scale.X(step),
                Area.Bottom + 22,
                TextHeight,
                Quiet,
                anchor: 0.5f);
        }

        line.Color = Quiet;
        canvas.DrawLine(Area.Left, Area.Bottom, Area.Right, Area.Bottom, line);
        StrokeFont.Write(canvas, "step", Area.MidX, Height - 16, TextHeight, Ink, anchor: 0.5f);
        canvas.Save();
        canvas.RotateDegrees(-90, 24, Area.MidY);
        StrokeFont.Write(canvas, "loss per answer token", 24, Area.MidY, TextHeight, Ink, anchor: 0.5f);
        canvas.Restore();
    }

    private static void DrawCurve(
        SKCanvas canvas, Scale scale, IReadOnlyList<double> losses, SKColor color, float width)
    {
        using var paint = new SKPaint
        {
            Color = color,
            StrokeWidth = width,
            IsAntialias = true,
            Style = SKPaintStyle.Stroke,
            StrokeJoin = SKStrokeJoin.Round,
        };
        using var path = new SKPath();
        path.AddPoly([.. losses.Select((loss, i) => new SKPoint(scale.X(i + 1), scale.Y(loss)))], close: false);
        canvas.DrawPath(path, paint);
    }

    /// <summary>Name and accuracy of each method, from the top right.</summary>
    private static void DrawLegend(SKCanvas canvas, IReadOnlyList<MethodResult> methods)
    {
        const float rowHeight = 24, pad = 14, stroke = 26, gap = 12;
        var rows = methods.Select(method => (method.Method, Solved: string.Create(
            CultureInfo.InvariantCulture, $"{100 * method.Score.Accuracy:F1} % solved"))).ToList();
        var names = rows.Max(row => StrokeFont.Width(row.Method, TextHeight));
        var solved = rows.Max(row => StrokeFont.Width(row.Solved, TextHeight));
        var box = SKRect.Create(
            0, 0, (2 * pad) + stroke + gap + names + (2 * gap) + solved, pad + (rows.Count * rowHeight));
        box.Offset(Area.Right - box.Width - 12, Area.Top + 12);
        using var paper = new SKPaint { Color = SKColors.White.WithAlpha(230), IsAntialias = true };
        using var frame = new SKPaint
        {
            Color = Grid,
            IsAntialias = true,
            Style = SKPaintStyle.Stroke,
            StrokeWidth = 1.5f,
        };
        canvas.DrawRoundRect(box, 6, 6, paper);
        canvas.DrawRoundRect(box, 6, 6, frame);
        foreach (var (index, row) in rows.Index())
        {
            using var ink = new SKPaint
            {
                Color = Colors[index % Colors.Length],
                StrokeWidth = 3,
                IsAntialias = true,
                StrokeCap = SKStrokeCap.Round,
            };
            var y = box.Top + (pad / 2) + ((index + 0.5f) * rowHeight);
            canvas.DrawLine(box.Left + pad, y, box.Left + pad + stroke, y, ink);
            StrokeFont.Write(canvas, row.Method, box.Left + pad + stroke + gap, y + (TextHeight / 2), TextHeight, Ink);
            StrokeFont.Write(canvas, row.Solved, box.Right - pad, y + (TextHeight / 2), TextHeight, Quiet, anchor: 1);
        }
    }

    /// <summary>Each value averaged with its neighbors on both sides, so that the curve does not lag behind.</summary>
    private static List<double> Smooth(IReadOnlyList<double> losses)
    {
        var reach = losses.Count / SmoothingShare;
        return [.. losses.Select((_, i) =>
        {
            // Near the ends the window shrinks on both sides alike.
            var near = Math.Min(reach, Math.Min(i, losses.Count - 1 - i));
            return losses.Skip(i - near).Take((2 * near) + 1).Average();
        })];
    }

    /// <summary>A round number of steps, so that about six ticks fit.</summary>
    private static int TickDistance(int steps)
    {
        var rough = Math.Max(1, steps / 6.0);
        var power = Math.Pow(10, Math.Floor(Math.Log10(rough)));
        return (int)(power * ((double[])[1, 2, 5, 10]).First(digit => digit * power >= rough));
    }

    /// <summary>Steps and losses to pixels.</summary>
    private sealed record Scale(int Steps, double Lowest, double Highest)
    {
        public double Low { get; } = Lowest - 0.05;

        public double High { get; } = Highest + 0.05;

        public float X(double step) => Area.Left + (float)(step / Steps * Area.Width);

        public float Y(double loss) =>
            Area.Bottom - (float)((Math.Log10(Math.Max(loss, 1e-9)) - Low) / (High - Low) * Area.Height);
    }
}
