namespace Marrow.Vision;

/// <summary>
/// DeiT's augmentation (arXiv 2012.12877, table 9): a crop of random size and place, a flip, RandAugment, color jitter,
/// random erasing.
/// </summary>
/// <param name="size">Pixels of a side.</param>
/// <param name="normalization">Means and deviations.</param>
public sealed class TrainingTransform(int size, Normalization normalization) : IImageTransform
{
    /// <inheritdoc/>
    public int Size { get; } = size > 0 ? size : throw new ArgumentOutOfRangeException(
        nameof(size), size, "A side has one pixel or more.");

    /// <summary>Smallest part of the image's area that a crop keeps. DeiT: 0.08; small images want more.</summary>
    public double LeastArea { get; init; } = 0.08;

    /// <summary>Whether half of the images are mirrored; not for letters or digits.</summary>
    public bool Flips { get; init; } = true;

    /// <summary>RandAugment's magnitude, 0 to 10; 0: none. DeiT: 9.</summary>
    public double Magnitude { get; init; } = 9;

    /// <summary>How many operations of RandAugment each image gets.</summary>
    public int Operations { get; init; } = 2;

    /// <summary>
    /// Largest change of brightness, contrast and saturation; 0: none. DeiT uses 0.3 where there is no RandAugment.
    /// </summary>
    public double ColorJitter { get; init; }

    /// <summary>Share of images of which a rectangle is replaced by noise. DeiT: 0.25.</summary>
    public double Erasing { get; init; } = 0.25;

    /// <inheritdoc/>
    public void Apply(Picture image, Random random, Span<float> target)
    {
        var picture = Crop(image, random);
        if (Flips && random.Next(2) == 0)
        {
            picture = Mirror(picture);
        }

        for (var operation = 0; Magnitude > 0 && operation < Operations; operation++)
        {
            picture = RandAugment.Apply(picture, random, Magnitude);
        }

        if (ColorJitter > 0)
        {
            picture = RandAugment.Jitter(picture, random, ColorJitter);
        }

        normalization.Write(picture, target);
        if (random.NextDouble() < Erasing)
        {
            Erase(random, target);
        }
    }

    /// <summary>
    /// A crop of LeastArea to all of the area and a ratio of 3/4 to 4/3; where none fits, the middle.
    /// </summary>
    private Picture Crop(Picture image, Random random)
    {
        for (var attempt = 0; attempt < 10; attempt++)
        {
            var area = image.Width * image.Height * (LeastArea + ((1 - LeastArea) * random.NextDouble()));
            var ratio = Math.Exp(Math.Log(3.0 / 4) + (random.NextDouble() * 2 * Math.Log(4.0 / 3)));
            var (width, height) = (Math.Sqrt(area * ratio), Math.Sqrt(area / ratio));
            if (width <= image.Width && height <= image.Height)
            {
                return Resampling.Resize(
                    image, random.NextDouble() * (image.Width - width), random.NextDouble() * (image.Height - height),
                        width, height, Size, Size);
            }
        }

        double side = Math.Min(image.Width, image.Height);
        return Resampling.Resize(image, (image.Width - side) / 2, (image.Height - side) / 2, side, side, Size, Size);
    }

    private static Picture Mirror(Picture image)
    {
        var pixels = new byte[image.Pixels.Length];
        for (var y = 0; y < image.Height; y++)
        {
            for (var x = 0; x < image.Width; x++)
            {
                image.Pixels.AsSpan(((y * image.Width) + image.Width - 1 - x) * 3, 3).CopyTo(
                    pixels.AsSpan(((y * image.Width) + x) * 3));
            }
        }

        return image with { Pixels = pixels };
    }

    /// <summary>A rectangle of 2 to 33 % of the area becomes normal noise, pixel by pixel (arXiv 1708.04896).</summary>
    private void Erase(Random random, Span<float> target)
    {
        for (var attempt = 0; attempt < 10; attempt++)
        {
            var area = Size * Size * (0.02 + (0.31 * random.NextDouble()));
            var ratio = Math.Exp(Math.Log(0.3) + (random.NextDouble() * (Math.Log(1 / 0.3) - Math.Log(0.3))));
            var (height, width) = ((int)Math.Round(Math.Sqrt(area * ratio)), (int)Math.Round(Math.Sqrt(area / ratio)));
            if (height < 1 || width < 1 || height >= Size || width >= Size)
            {
                continue;
            }

            var (top, left) = (random.Next(Size - height), random.Next(Size - width));
            for (var channel = 0; channel < 3; channel++)
            {
                for (var y = top; y < top + height; y++)
                {
                    foreach (ref var value in target.Slice((((channel * Size) + y) * Size) + left, width))
                    {
                        value = (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble()))
                            * Math.Cos(2 * Math.PI * random.NextDouble()));
                    }
                }
            }

            return;
        }
    }
}
