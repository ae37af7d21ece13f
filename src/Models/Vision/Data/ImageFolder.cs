using SkiaSharp;

namespace Marrow.Vision;

/// <summary>
/// ImageNet's layout: a folder for each class, in alphabetical order, with JPEG, PNG, WebP, BMP or GIF files (its first
/// picture). Decoded when read. Folders and files whose names begin with a dot are none of it (.git, macOS's ._ files),
/// and files that are no images are left alone.
/// </summary>
public sealed class ImageFolder : ImageSet
{
    private const int LargestSide = 1 << 14;
    private const string Archived = "__MACOSX"; // what macOS puts beside the files of an archive
    private static readonly string[] Extensions = [".jpg", ".jpeg", ".jfif", ".png", ".webp", ".bmp", ".gif"];

    private static readonly string[] Foreign =
        [".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm", ".heic", ".heif", ".avif", ".jxl", ".jp2", ".tga", ".svg"];

    private readonly IReadOnlyList<string> paths;

    private ImageFolder(
        IReadOnlyList<string> classes,
        IReadOnlyList<(string Path, int Label)> files,
        IReadOnlyList<ImageDataException> skipped)
        : base(classes, [.. files.Select(file => file.Label)])
    {
        paths = [.. files.Select(file => file.Path)];
        Skipped = skipped;
    }

    /// <summary>What was skipped, each with the reason, in the order of the files.</summary>
    public IReadOnlyList<ImageDataException> Skipped { get; }

    /// <summary>Lists the images of a folder.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="skipUnreadable">
    /// Leaves out images that are broken or of a format that is not read, and lists them in <see cref="Skipped"/>;
    /// every image is decoded once for that. Otherwise the first of them stops: one of another format here, a broken
    /// one when it is read.
    /// </param>
    /// <exception cref="ImageDataException">
    /// There is no such folder, a class has no image, or an image is of a format that is not read.
    /// </exception>
    public static ImageFolder Open(string path, bool skipUnreadable = false) => ImageDataException.Guard(path, () =>
    {
        var folders = Directory.GetDirectories(path).Where(IsShown).Order(StringComparer.Ordinal).ToList();
        var files = folders
            .SelectMany((folder, label) => Files(folder).Select(file => (Path: file, Label: label)))
            .ToList();
        var faults = files.AsParallel().AsOrdered().Select(file => Fault(file.Path, skipUnreadable)).ToList();
        if (!skipUnreadable && faults.Find(fault => fault is not null) is { } foreign)
        {
            throw foreign;
        }

        List<(string Path, int Label)> images =
            [.. files.Zip(faults).Where(pair => pair.Second is null).Select(pair => pair.First)];
        if (images.Count == 0)
        {
            throw new ImageDataException(
                path, "no image in a folder of a class", "lay images out as <folder>/<class>/<image>.jpg");
        }

        foreach (var (label, folder) in folders.Index())
        {
            if (!images.Exists(image => image.Label == label))
            {
                throw new ImageDataException(
                    folder,
                    $"the class has no image that is read ({string.Join(", ", Extensions)})",
                    "add images, or remove the folder");
            }
        }

        return new ImageFolder(
            [.. folders.Select(folder => Path.GetFileName(folder))],
            images,
            [.. faults.OfType<ImageDataException>()]);
    });

    /// <inheritdoc/>
    public override Picture Read(int index) => Read(paths[index]);

    private static Picture Read(string path) => ImageDataException.Guard(path, () =>
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

    /// <summary>The files below a folder that are images by their names.</summary>
    private static IEnumerable<string> Files(string folder) => Directory
        .EnumerateFiles(folder, "*", SearchOption.AllDirectories)
        .Where(file => Path.GetRelativePath(folder, file).Split(Path.DirectorySeparatorChar).All(IsShown)
            && (HasExtension(file, Extensions) || HasExtension(file, Foreign)))
        .Order(StringComparer.Ordinal);

    /// <summary>Why an image is skipped, or null; broken ones are found if they are decoded.</summary>
    private static ImageDataException? Fault(string path, bool decode)
    {
        if (HasExtension(path, Foreign))
        {
            return new(
                path,
                $"images of the format {Path.GetExtension(path)} are not read",
                "convert them to PNG, or skip them (skipUnreadable)");
        }

        try
        {
            _ = decode ? Read(path) : null;
            return null;
        }
        catch (ImageDataException fault)
        {
            return fault;
        }
    }

    private static bool IsShown(string path) => Path.GetFileName(path) is not (['.', ..] or Archived);

    private static bool HasExtension(string path, string[] extensions) =>
        extensions.Contains(Path.GetExtension(path).ToLowerInvariant());

    private static ImageDataException Unreadable(string path, string fault) =>
        new(path, fault, "replace or remove the file, or skip it (skipUnreadable)");

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
