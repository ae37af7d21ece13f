namespace Marrow.Vision;

/// <summary>Images at other sizes and places.</summary>
internal static class Resampling
{
    /// <summary>
    /// A rectangle of an image at another size, by the triangle filter: linear when it grows, averaging when it
    /// shrinks, as Pillow's bilinear resize.
    /// </summary>
    public static Picture Resize(
        Picture image, double left, double top, double width, double height, int newWidth, int newHeight)
    {
        var columns = Weights(left, width, newWidth, image.Width);
        var rows = Weights(top, height, newHeight, image.Height);
        var (first, end) = (rows.Min(row => row.First), rows.Max(row => row.First + row.Parts.Length));
        var narrow = new float[(end - first) * newWidth * 3];
        for (var y = first; y < end; y++)
        {
            for (var x = 0; x < newWidth; x++)
            {
                var (start, parts) = columns[x];
                for (var channel = 0; channel < 3; channel++)
                {
                    var sum = 0f;
                    for (var part = 0; part < parts.Length; part++)
                    {
                        sum += parts[part] * image.Pixels[((((y * image.Width) + start + part) * 3)) + channel];
                    }

                    narrow[((((y - first) * newWidth) + x) * 3) + channel] = sum;
                }
            }
        }

        var pixels = new byte[newWidth * newHeight * 3];
        for (var y = 0; y < newHeight; y++)
        {
            var (start, parts) = rows[y];
            for (var item = 0; item < newWidth * 3; item++)
            {
                var sum = 0.5f;
                for (var part = 0; part < parts.Length; part++)
                {
                    sum += parts[part] * narrow[((start - first + part) * newWidth * 3) + item];
                }

                pixels[(y * newWidth * 3) + item] = (byte)Math.Clamp(sum, 0, 255);
            }
        }

        return new Picture(newWidth, newHeight, pixels);
    }

    /// <summary>
    /// An image under a linear map about its center, bilinear; what comes from outside is gray. The map takes places of
    /// the result to places of the source.
    /// </summary>
    public static Picture Affine(
        Picture image, double xx, double xy, double yx, double yy, double shiftX, double shiftY)
    {
        var pixels = new byte[image.Pixels.Length];
        var (centerX, centerY) = ((image.Width - 1) / 2.0, (image.Height - 1) / 2.0);
        for (var y = 0; y < image.Height; y++)
        {
            for (var x = 0; x < image.Width; x++)
            {
                var (dx, dy) = (x - centerX, y - centerY);
                var (sourceX, sourceY) =
                    ((xx * dx) + (xy * dy) + centerX + shiftX, (yx * dx) + (yy * dy) + centerY + shiftY);
                var (left, top) = ((int)Math.Floor(sourceX), (int)Math.Floor(sourceY));
                var (partX, partY) = (sourceX - left, sourceY - top);
                for (var channel = 0; channel < 3; channel++)
                {
                    var above = (At(left, top, channel) * (1 - partX)) + (At(left + 1, top, channel) * partX);
                    var below = (At(left, top + 1, channel) * (1 - partX)) + (At(left + 1, top + 1, channel) * partX);
                    pixels[(((y * image.Width) + x) * 3) + channel] =
                        (byte)((above * (1 - partY)) + (below * partY) + 0.5);
                }
            }
        }

        return image with { Pixels = pixels };

        double At(int x, int y, int channel) =>
            x < 0 || y < 0 || x >= image.Width || y >= image.Height ? 128
                : image.Pixels[(((y * image.Width) + x) * 3) + channel];
    }

    /// <summary>For each place of the result, the first source place and the parts of it and the next ones.</summary>
    private static (int First, float[] Parts)[] Weights(double start, double length, int places, int limit)
    {
        var scale = length / places;
        var reach = Math.Max(scale, 1);
        var weights = new (int, float[])[places];
        for (var place = 0; place < places; place++)
        {
            var center = start + ((place + 0.5) * scale);
            var first = Math.Clamp((int)Math.Floor(center - reach), 0, limit - 1);
            var last = Math.Clamp((int)Math.Ceiling(center + reach), first + 1, limit);
            var parts = new float[last - first];
            for (var part = 0; part < parts.Length; part++)
            {
                parts[part] = (float)Math.Max(0, 1 - (Math.Abs(first + part + 0.5 - center) / reach));
            }

            var sum = parts.Sum();
            weights[place] = (
                first,
                sum > 0
                    ? [.. parts.Select(part => part / sum)]
                    : [1, .. new float[parts.Length - 1]]);
        }

        return weights;
    }
}
