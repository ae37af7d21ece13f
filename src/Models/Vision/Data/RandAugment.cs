namespace Marrow.Vision;

/// <summary>
/// One random operation on an image (RandAugment, arXiv 1909.13719), with timm's "increasing" ranges.
/// </summary>
internal static class RandAugment
{
    private static readonly Func<Picture, Random, double, Picture>[] Operations =
    [
        (image, _, _) => AutoContrast(image),
        (image, _, _) => Equalize(image),
        (image, _, _) => Map(image, value => 255 - value),
        (image, random, part) => Rotate(image, Signed(random, 30 * part)),
        (image, _, part) => Posterize(image, 4 - (int)(4 * part)),
        (image, _, part) => Map(image, value => value < 256 - (256 * part) ? value : 255 - value),
        (image, random, part) => Saturate(image, 1 + Signed(random, 0.9 * part)),
        (image, random, part) => Contrast(image, 1 + Signed(random, 0.9 * part)),
        (image, random, part) => Brighten(image, 1 + Signed(random, 0.9 * part)),
        (image, random, part) => Sharpen(image, 1 + Signed(random, 0.9 * part)),
        (image, random, part) => Resampling.Affine(image, 1, Signed(random, 0.3 * part), 0, 1, 0, 0),
        (image, random, part) => Resampling.Affine(image, 1, 0, Signed(random, 0.3 * part), 1, 0, 0),
        (image, random, part) => Resampling.Affine(image, 1, 0, 0, 1, Signed(random, 0.45 * part) * image.Width, 0),
        (image, random, part) => Resampling.Affine(image, 1, 0, 0, 1, 0, Signed(random, 0.45 * part) * image.Height),
    ];

    /// <summary>With probability ½, one of fourteen operations at about the given magnitude of 10.</summary>
    public static Picture Apply(Picture image, Random random, double magnitude)
    {
        var operation = Operations[random.Next(Operations.Length)];
        var spread = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble()))
            * Math.Cos(2 * Math.PI * random.NextDouble()) / 2;
        return random.Next(2) == 0 ? image : operation(image, random, Math.Clamp(magnitude + spread, 0, 10) / 10);
    }

    /// <summary>Brightness, contrast and saturation by random factors from 1 − amount to 1 + amount.</summary>
    public static Picture Jitter(Picture image, Random random, double amount)
    {
        double[] factors = [Factor(), Factor(), Factor()];
        return Saturate(Contrast(Brighten(image, factors[0]), factors[1]), factors[2]);

        double Factor() => 1 - amount + (2 * amount * random.NextDouble());
    }

    private static double Signed(Random random, double value) => random.Next(2) == 0 ? value : -value;

    private static Picture Map(Picture image, Func<int, double> map)
    {
        var table = new byte[256];
        for (var value = 0; value < 256; value++)
        {
            table[value] = (byte)Math.Clamp(map(value), 0, 255);
        }

        return image with { Pixels = Array.ConvertAll(image.Pixels, value => table[value]) };
    }

    private static Picture MapChannels(Picture image, byte[][] tables)
    {
        var pixels = new byte[image.Pixels.Length];
        for (var index = 0; index < pixels.Length; index++)
        {
            pixels[index] = tables[index % 3][image.Pixels[index]];
        }

        return image with { Pixels = pixels };
    }

    private static Picture Brighten(Picture image, double factor) => Map(image, value => value * factor);

    private static Picture Posterize(Picture image, int bits) =>
        Map(image, value => value & ~((1 << (8 - Math.Max(bits, 1))) - 1));

    private static Picture AutoContrast(Picture image) =>
        MapChannels(image, [.. Enumerable.Range(0, 3).Select(channel =>
    {
        var counts = Histogram(image, channel);
        var (low, high) = (Array.FindIndex(counts, count => count > 0),
            Array.FindLastIndex(counts, count => count > 0));
        return Table(value => high > low ? (value - low) * 255.0 / (high - low) : value);
    })]);

    private static Picture Equalize(Picture image) => MapChannels(image, [.. Enumerable.Range(0, 3).Select(channel =>
    {
        var counts = Histogram(image, channel);
        var step = (counts.Sum() - counts.LastOrDefault(count => count > 0)) / 255;
        var sum = step / 2;
        return Table(value =>
        {
            var level = step == 0 ? value : sum / step;
            sum += counts[value];
            return level;
        });
    })]);

    private static int[] Histogram(Picture image, int channel)
    {
        var counts = new int[256];
        for (var index = channel; index < image.Pixels.Length; index += 3)
        {
            counts[image.Pixels[index]]++;
        }

        return counts;
    }

    private static byte[] Table(Func<int, double> map) =>
        [.. Enumerable.Range(0, 256).Select(value => (byte)Math.Clamp(map(value), 0, 255))];

    private static Picture Rotate(Picture image, double degrees)
    {
        var (sin, cos) = Math.SinCos(degrees * Math.PI / 180);
        return Resampling.Affine(image, cos, -sin, sin, cos, 0, 0);
    }

    private static Picture Contrast(Picture image, double factor)
    {
        var sum = 0.0;
        for (var pixel = 0; pixel < image.Pixels.Length; pixel += 3)
        {
            sum += Gray(image.Pixels, pixel);
        }

        var mean = Math.Round(sum / (image.Pixels.Length / 3));
        return Map(image, value => mean + ((value - mean) * factor));
    }

    private static Picture Saturate(Picture image, double factor)
    {
        var pixels = new byte[image.Pixels.Length];
        for (var index = 0; index < pixels.Length; index++)
        {
            var gray = Gray(image.Pixels, index - (index % 3));
            pixels[index] = (byte)Math.Clamp(gray + ((image.Pixels[index] - gray) * factor), 0, 255);
        }

        return image with { Pixels = pixels };
    }

    /// <summary>Away from, or toward, a smoothed image (3 × 3, the middle five times); the rim stays.</summary>
    private static Picture Sharpen(Picture image, double factor)
    {
        var pixels = (byte[])image.Pixels.Clone();
        var row = image.Width * 3;
        for (var y = 1; y < image.Height - 1; y++)
        {
            for (var index = (y * row) + 3; index < ((y + 1) * row) - 3; index++)
            {
                var sum = 4 * image.Pixels[index];
                for (var above = index - row; above <= index + row; above += row)
                {
                    sum += image.Pixels[above - 3] + image.Pixels[above] + image.Pixels[above + 3];
                }

                var smooth = sum / 13.0;
                pixels[index] = (byte)Math.Clamp(smooth + ((image.Pixels[index] - smooth) * factor), 0, 255);
            }
        }

        return image with { Pixels = pixels };
    }

    private static double Gray(byte[] pixels, int pixel) =>
        (0.299 * pixels[pixel]) + (0.587 * pixels[pixel + 1]) + (0.114 * pixels[pixel + 2]);
}
