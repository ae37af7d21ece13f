namespace Marrow.Vision;

/// <summary>
/// CIFAR-10's binary files: records of a label byte and 1,024 bytes each of red, green and blue, row by row, for 32 ×
/// 32 pixels.
/// </summary>
public static class CifarImages
{
    private const int Side = 32, Plane = Side * Side, Record = 1 + (3 * Plane);
    private static readonly string[] Names =
        ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

    /// <summary>Reads one or more files into one set.</summary>
    /// <exception cref="ImageDataException">A file cannot be read, is cut off, or holds a label above 9.</exception>
    public static ImageSet Open(params IReadOnlyList<string> paths) =>
        new ImagesInMemory(Names, [.. paths.SelectMany(Images)]);

    private static List<(Picture Image, int Label)> Images(string path) => ImageDataException.Guard(path, () =>
    {
        using var file = File.OpenRead(path);
        if (file.Length == 0 || file.Length % Record != 0)
        {
            throw new ImageDataException(
                path,
                $"{file.Length} bytes are no whole number of CIFAR-10 records of {Record}",
                "the file is cut off or of another kind; fetch it again");
        }

        var images = new List<(Picture, int)>();
        var record = new byte[Record];
        for (var index = 0L; index < file.Length / Record; index++)
        {
            file.ReadExactly(record);
            if (record[0] >= Names.Length)
            {
                throw new ImageDataException(
                    path, $"record {index} has the label {record[0]}, above 9", "use a CIFAR-10 file");
            }

            var pixels = new byte[3 * Plane];
            for (var pixel = 0; pixel < Plane; pixel++)
            {
                for (var channel = 0; channel < 3; channel++)
                {
                    pixels[(3 * pixel) + channel] = record[1 + (channel * Plane) + pixel];
                }
            }

            images.Add((new Picture(Side, Side, pixels), record[0]));
        }

        return images;
    });
}
