using SkiaSharp;

namespace Marrow.Vision;

/// <summary>
/// ImageNet's layout: a folder for each class, in alphabetical order, with JPEG, PNG, WebP or BMP files. Decoded when
/// read.
/// </summary>
public sealed class ImageFolder : ImageSet
{
    private const int LargestSide = 1 << 14;
    private static readonly string[] Extensions = [".jpg", ".jpeg", ".png", ".webp", ".bmp"];
    private readonly IReadOnlyList<string> paths;

    private ImageFolder(IReadOnlyList<string> classes, IReadOnlyList<(string Path, int Label)> files)
        : base(classes, [.. files.Select(file => file.Label)]) => paths = [.. files.Select(file => file.Path)];

    /// <summary>Lists the images of a folder.</summary>
    /// <exception cref="ImageDataException">There is no such folder, or no image in it.</exception>
    public static ImageFolder Open(string path) => ImageDataException.Guard(path, () =>
    {
        var folders = Directory.GetDirectories(path).Order(StringComparer.Ordinal).ToList();
        var files = folders
            .SelectMany((folder, label) => Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
                .Where(file => Extensions.Contains(Path.GetExtension(file).ToLowerInvariant()))
                .Order(StringComparer.Ordinal)
                .Select(file => (file, label)))
            .ToList();
        return files.Count == 0
            ? throw new ImageDataException(
                path, "no image in a folder of a class", "lay images out as <folder>/<class>/<image>.jpg")
            : new ImageFolder([.. folders.Select(folder => Path.GetFileName(folder))], files);
    });

    /// <inheritdoc/>
    public override Picture Read(int index)
    {
        var path = paths[index];
        return ImageDataException.Guard(path, () =>
        {
            using var codec = SKCodec.Create(path) ?? throw Unreadable(path, "it is no image that can be decoded");
            var (width, height) = (codec.Info.Width, codec.Info.Height);
            if (width > LargestSide || height > LargestSide)
            {
                throw Unreadable(path, $"{width} × {height} pixels are more than {LargestSide} × {LargestSide}");
            }

            using var bitmap = new SKBitmap(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Unpremul));
            var result = codec.GetPixels(bitmap.Info, bitmap.GetPixels());
            return result == SKCodecResult.Success
                ? new Picture(width, height, WithoutAlpha(bitmap.GetPixelSpan()))
                : throw Unreadable(path, $"it cannot be decoded ({result})");
        });
    }

    private static ImageDataException Unreadable(string path, string fault) =>
        new(path, fault, "replace or remove the file");

    internal static byte[] WithoutAlpha(ReadOnlySpan<byte> rgba)
    {
        var pixels = new byte[rgba.Length / 4 * 3];
        for (var pixel = 0; pixel < rgba.Length / 4; pixel++)
        {
            rgba.Slice(4 * pixel, 3).CopyTo(pixels.AsSpan(3 * pixel));
        }

        return pixels;
    }
}
