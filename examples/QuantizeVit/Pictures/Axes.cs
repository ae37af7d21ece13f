using System.Globalization;
using SkiaSharp;

namespace Marrow.Examples.QuantizeVit.Pictures;

/// <summary>What the pictures share: colors, a sheet of paper, a plot with axes from zero.</summary>
internal sealed class Axes(SKCanvas canvas, SKRect area, double left, double right, double top)
{
    public const float TextHeight = 10;

    // Colors that stay apart for color-blind readers too (Okabe and Ito).
    public static readonly SKColor[] Colors =
        [new(0xD5, 0x5E, 0x00), new(0x00, 0x72, 0xB2), new(0x00, 0x9E, 0x73), new(0xCC, 0x79, 0xA7)];
    public static readonly SKColor Ink = new(0x33, 0x38, 0x40);
    public static readonly SKColor Grid = new(0xE6, 0xE8, 0xEC);
    public static readonly SKColor Quiet = new(0x7A, 0x80, 0x8A);

    public float X(double value) => area.Left + (float)((value - left) / (right - left) * area.Width);

    public float Y(double value) => area.Bottom - (float)(value / top * area.Height);

    /// <summary>Draws on a white sheet and writes it as a PNG.</summary>
    public static void WriteSheet(string path, int width, int height, Action<SKCanvas> draw)
    {
        using var surface = SKSurface.Create(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque));
        surface.Canvas.Clear(SKColors.White);
        draw(surface.Canvas);

        // A surface in main memory always has pixels to look at.
        using var pixels = surface.PeekPixels()!;
        using var png = pixels.Encode(new SKPngEncoderOptions(SKPngEncoderFilterFlags.AllFilters, zLibLevel: 9))!;
        AtomicFile.Write(path, png.SaveTo);
    }

    /// <summary>A line across the plot, with its value on the left.</summary>
    public void Horizontal(double value, string text)
    {
        using var line = new SKPaint { Color = Grid, StrokeWidth = 1 };
        canvas.DrawLine(area.Left, Y(value), area.Right, Y(value), line);
        StrokeFont.Write(canvas, text, area.Left - 8, Y(value) + (TextHeight / 2), TextHeight, Quiet, anchor: 1);
    }

    /// <summary>A line down the plot, with its value below.</summary>
    public void Vertical(double value, string text, bool isDashed = false)
    {
        using var line = new SKPaint { Color = Grid, StrokeWidth = 1, IsStroke = true };
        using var dashes = SKPathEffect.CreateDash([5, 4], 0);
        if (isDashed)
        {
            (line.Color, line.PathEffect) = (Quiet, dashes);
        }

        canvas.DrawLine(X(value), area.Top, X(value), area.Bottom, line);
        StrokeFont.Write(canvas, text, X(value), area.Bottom + 20, TextHeight, Quiet, anchor: 0.5f);
    }

    /// <summary>A round distance, so that about five fit into a length.</summary>
    public static double Distance(double length)
    {
        var power = Math.Pow(10, Math.Floor(Math.Log10(length / 5)));
        return power * ((double[])[1, 2, 5, 10]).First(digit => digit * power >= length / 5);
    }

    public static string Text(double value) => value.ToString("0.###", CultureInfo.InvariantCulture);
}
