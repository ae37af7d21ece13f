using Marrow.Models;
using SkiaSharp;

namespace Marrow.Vision;

/// <summary>
/// A classification task that needs no files: shapes and glyphs of ten classes, some of them nearly alike, turned,
/// scaled, sheared and shifted, in any color on any ground, with distractors, an occluding bar and noise. The same seed
/// gives the same images.
/// </summary>
public static class GeneratedImages
{
    private static readonly (string Name, Action<SKPath> Draw, bool IsFilled)[] Kinds =
    [
        ("disc", path => path.AddCircle(0, 0, 0.8f), true),
        ("ring", path => path.AddCircle(0, 0, 0.8f), false),
        ("square", path => path.AddRect(new SKRect(-0.75f, -0.75f, 0.75f, 0.75f)), true),
        ("frame", path => path.AddRect(new SKRect(-0.75f, -0.75f, 0.75f, 0.75f)), false),
        ("triangle", path => Lines(path, true, (0, -0.9f), (0.85f, 0.7f), (-0.85f, 0.7f)), true),
        ("cross", path =>
        {
            Lines(path, false, (-0.8f, 0), (0.8f, 0));
            Lines(path, false, (0, -0.8f), (0, 0.8f));
        }, false),
        ("A", path =>
        {
            Lines(path, false, (-0.7f, 0.9f), (0, -0.9f), (0.7f, 0.9f));
            Lines(path, false, (-0.4f, 0.25f), (0.4f, 0.25f));
        }, false),
        ("E", path =>
        {
            Lines(path, false, (0.6f, -0.9f), (-0.6f, -0.9f), (-0.6f, 0.9f), (0.6f, 0.9f));
            Lines(path, false, (-0.6f, 0), (0.5f, 0));
        }, false),
        ("F", path =>
        {
            Lines(path, false, (0.6f, -0.9f), (-0.6f, -0.9f), (-0.6f, 0.9f));
            Lines(path, false, (-0.6f, 0), (0.5f, 0));
        }, false),
        ("N", path => Lines(path, false, (-0.6f, 0.9f), (-0.6f, -0.9f), (0.6f, 0.9f), (0.6f, -0.9f)), false),
    ];

    /// <summary>Draws the images; classes take turns.</summary>
    /// <param name="count">How many.</param>
    /// <param name="side">Pixels of a side.</param>
    /// <param name="seed">Which ones.</param>
    public static ImageSet Create(int count, int side, ulong seed)
    {
        var images = new (Picture, int)[count];
        Parallel.For(0, count, index =>
        {
            var kind = index % Kinds.Length;
            images[index] = (Draw(kind, side, Seeds.Random(seed, 0, (ulong)index)), kind);
        });
        return new ImagesInMemory([.. Kinds.Select(kind => kind.Name)], images);
    }

    private static Picture Draw(int label, int side, Random random)
    {
        using var bitmap = new SKBitmap(new SKImageInfo(side, side, SKColorType.Rgba8888, SKAlphaType.Opaque));
        using var canvas = new SKCanvas(bitmap);
        var (ground, ink) = (Color(random), Color(random));
        while (Math.Abs(Brightness(ground) - Brightness(ink)) < 60)
        {
            ink = Color(random);
        }

        using (var paint = new SKPaint())
        {
            paint.Shader = SKShader.CreateLinearGradient(
                new SKPoint(0, 0),
                new SKPoint(side, (float)(side * random.NextDouble())),
                [ground, Mix(ground, Color(random), 0.35)],
                SKShaderTileMode.Clamp);
            canvas.DrawRect(0, 0, side, side, paint);
        }

        for (var distractor = random.Next(3); distractor > 0; distractor--)
        {
            Stamp(
                canvas,
                Kinds[random.Next(Kinds.Length)],
                side,
                random,
                Mix(ground, Color(random), 0.5),
                scale: Between(random, 0.08, 0.14),
                reach: 0.42);
        }

        Stamp(canvas, Kinds[label], side, random, ink, scale: Between(random, 0.2, 0.36), reach: 0.14);
        if (random.NextDouble() < 0.5)
        {
            using var bar = new SKPaint
            {
                Color = Mix(ground, Color(random), 0.3),
                StrokeWidth = (float)(side * Between(random, 0.05, 0.12)),
                IsStroke = true,
            };
            canvas.DrawLine(Point(random, side), Point(random, side), bar);
        }

        canvas.Flush();
        var pixels = ImageFolder.WithoutAlpha(bitmap.GetPixelSpan());
        var noise = Between(random, 4, 28);
        for (var index = 0; index < pixels.Length; index++)
        {
            var spread = random.NextDouble() + random.NextDouble() + random.NextDouble() - 1.5;
            pixels[index] = (byte)Math.Clamp(pixels[index] + (noise * spread), 0, 255);
        }

        return new Picture(side, side, pixels);
    }

    private static void Stamp(
        SKCanvas canvas,
        (string Name, Action<SKPath> Draw, bool IsFilled) kind,
        int side,
        Random random,
        SKColor color,
        double scale,
        double reach)
    {
        using var path = new SKPath();
        kind.Draw(path);
        canvas.Save();
        canvas.Translate(
            (float)(side * (0.5 + Between(random, -reach, reach))),
            (float)(side * (0.5 + Between(random, -reach, reach))));
        canvas.RotateDegrees((float)Between(random, -25, 25));
        canvas.Skew((float)Between(random, -0.3, 0.3), (float)Between(random, -0.15, 0.15));
        canvas.Scale((float)(side * scale * Between(random, 0.85, 1.2)), (float)(side * scale));
        using var paint = new SKPaint
        {
            Color = color,
            IsAntialias = true,
            IsStroke = !kind.IsFilled,
            StrokeWidth = (float)Between(random, 0.2, 0.4),
            StrokeCap = SKStrokeCap.Round,
        };
        canvas.DrawPath(path, paint);
        canvas.Restore();
    }

    private static void Lines(SKPath path, bool close, params (float X, float Y)[] points) =>
        path.AddPoly([.. points.Select(point => new SKPoint(point.X, point.Y))], close);

    private static double Between(Random random, double low, double high) => low + ((high - low) * random.NextDouble());

    private static SKPoint Point(Random random, int side) =>
        new(side * random.NextSingle(), side * random.NextSingle());

    private static SKColor Color(Random random) =>
        new((byte)random.Next(256), (byte)random.Next(256), (byte)random.Next(256));

    private static SKColor Mix(SKColor a, SKColor b, double part) => new(
        (byte)(a.Red + ((b.Red - a.Red) * part)),
        (byte)(a.Green + ((b.Green - a.Green) * part)),
        (byte)(a.Blue + ((b.Blue - a.Blue) * part)));

    private static double Brightness(SKColor color) =>
        (0.299 * color.Red) + (0.587 * color.Green) + (0.114 * color.Blue);
}
