using System.Buffers.Binary;
using System.Globalization;
using System.IO.Compression;

namespace Marrow.Vision;

/// <summary>
/// Images in the idx format of the MNIST family, plain or gzip: big-endian 32-bit numbers (2051, count, rows, columns)
/// and a byte for each pixel; labels (2049, count) and a byte each. Gray becomes equal red, green and blue.
/// </summary>
public static class IdxImages
{
    private const int ImageMagic = 2051, LabelMagic = 2049, LargestSide = 4096;

    /// <summary>Reads a pair of files.</summary>
    /// <exception cref="ImageDataException">A file cannot be read, is of another kind, is cut off, or the two do not
    /// fit.</exception>
    public static ImageSet Open(string imagesPath, string labelsPath)
    {
        var labels = Read(labelsPath, LabelMagic, "labels", (file, count) => Bytes(file, labelsPath, count));
        var images = Read(imagesPath, ImageMagic, "images", (file, count) =>
        {
            var (rows, columns) = (Number(file), Number(file));
            if (rows is < 1 or > LargestSide || columns is < 1 or > LargestSide)
            {
                throw new ImageDataException(
                    imagesPath, $"images of {rows} × {columns} pixels are out of range", "use an idx image file");
            }

            if (count != labels.Length)
            {
                throw new ImageDataException(
                    imagesPath,
                    $"it has {count} images, {labelsPath} has {labels.Length} labels",
                    "use files that belong together");
            }

            // One image after the other: a header that lies cannot ask for more memory than the file fills.
            return Enumerable.Range(0, count)
                .Select(_ => new Picture(columns, rows, Colored(Bytes(file, imagesPath, rows * columns))))
                .ToList();
        });
        var classes = labels.Length == 0 ? 0 : labels.Max() + 1;
        return new ImagesInMemory(
            [.. Enumerable.Range(0, classes).Select(label => label.ToString(CultureInfo.InvariantCulture))],
            [.. images.Zip(labels, (image, label) => (image, (int)label))]);
    }

    private static T Read<T>(string path, int magic, string what, Func<Stream, int, T> content) =>
        ImageDataException.Guard(path, () =>
    {
        using var raw = File.OpenRead(path);
        var isZipped = raw.ReadByte() == 0x1f && raw.ReadByte() == 0x8b;
        raw.Position = 0;
        using Stream file = isZipped ? new GZipStream(raw, CompressionMode.Decompress) : new BufferedStream(raw);
        try
        {
            var (found, count) = (Number(file), Number(file));
            if (found != magic || count < 0)
            {
                throw new ImageDataException(
                    path,
                    $"it begins with {found}, {count}; idx {what} begin with {magic} and their count",
                    "use an idx file");
            }

            return content(file, count);
        }
        catch (EndOfStreamException fault)
        {
            throw new ImageDataException(path, "it ends too early", "the file is cut off; fetch it again", fault);
        }
    });

    private static int Number(Stream file)
    {
        Span<byte> bytes = stackalloc byte[4];
        file.ReadExactly(bytes);
        return BinaryPrimitives.ReadInt32BigEndian(bytes);
    }

    /// <summary>
    /// Reads in pieces, so that a count that lies fails at the end of the file and not in an allocation.
    /// </summary>
    private static byte[] Bytes(Stream file, string path, int count)
    {
        var bytes = new MemoryStream();
        var piece = new byte[Math.Min(count, 1 << 16)];
        while (bytes.Length < count)
        {
            var wanted = (int)Math.Min(piece.Length, count - bytes.Length);
            var read = file.Read(piece, 0, wanted);
            if (read == 0)
            {
                throw new ImageDataException(
                    path, $"it ends after {bytes.Length} of {count} bytes", "the file is cut off; fetch it again");
            }

            bytes.Write(piece, 0, read);
        }

        return bytes.ToArray();
    }

    private static byte[] Colored(byte[] gray)
    {
        var pixels = new byte[3 * gray.Length];
        for (var index = 0; index < pixels.Length; index++)
        {
            pixels[index] = gray[index / 3];
        }

        return pixels;
    }
}
