using SkiaSharp;

namespace Marrow.Examples.QuantizeVit.Pictures;

/// <summary>
/// Where the latent weights of each method lie on the grid of levels, as papers on oscillation plot it: levels at whole
/// numbers, boundaries dashed between them. Weights that gather at a boundary are those that oscillate.
/// </summary>
internal static class LatentPicture
{
    private const int Width = 860, PlotHeight = 150, Top = 60;

    /// <summary>Draws the picture as a PNG.</summary>
    public static void Write(string path, IReadOnlyList<MethodResult> methods) =>
        Axes.WriteSheet(path, Width, Top + (methods.Count * (PlotHeight + 50)), canvas =>
    {
        StrokeFont.Write(canvas, "latent weights on the grid of levels", 60, 34, 15, Axes.Ink);
        foreach (var (index, method) in methods.Index())
        {
            var (start, counts) = method.Latent;
            var bins = counts.Length;
            var levels = (int)Math.Round(-start - 0.5) * 2;
            var width = (double)levels / bins;

            // The outermost bins hold everything that is clipped; they would hide the rest.
            var most = counts.Skip(1).SkipLast(1).Max();
            var y = Top + (index * (PlotHeight + 50));
            var area = new SKRect(60, y, Width - 160, y + PlotHeight);
            var axes = new Axes(canvas, area, start, start + levels, most);
            for (var level = start + 0.5; level < start + levels; level++)
            {
                axes.Vertical(level, Axes.Text(level));
            }

            using var paint = new SKPaint { Color = Axes.Colors[index] };
            for (var bin = 0; bin < bins; bin++)
            {
                var left = start + (bin * width);
                canvas.DrawRect(new SKRect(
                    axes.X(left), axes.Y(Math.Min(counts[bin], most)), axes.X(left + width), area.Bottom), paint);
            }

            for (var boundary = start + 1; boundary < start + levels; boundary++)
            {
                axes.Vertical(boundary, "", isDashed: true);
            }

            StrokeFont.Write(
                canvas, method.Method.Replace('+', ' '), area.Right + 14, area.Top + 16, Axes.TextHeight, Axes.Ink);
        }
    });
}
