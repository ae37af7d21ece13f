using System.IO.Compression;
using Marrow.Vision;
using SkiaSharp;
using Xunit;

namespace Marrow.Models.Tests.Vision;

/// <summary>Readers of image files, on whole, broken and hostile ones.</summary>
public sealed class ImageSetTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("marrow-images").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void Cifar_Planes_BecomePixels()
    {
        var record = new byte[3073];
        (record[0], record[1], record[1025], record[2049], record[3072]) = (7, 10, 20, 30, 99);
        var set = CifarImages.Open(Write("a.bin", record));
        var image = set.Read(0);
        Assert.Equal((7, 32, 32), (set.Labels[0], image.Width, image.Height));
        Assert.Equal([10, 20, 30], image.Pixels[..3]);
        Assert.Equal(99, image.Pixels[^1]);
    }

    [Theory]
    [InlineData(3072, 0, "no whole number of CIFAR-10 records")]
    [InlineData(0, 0, "no whole number of CIFAR-10 records")]
    [InlineData(3073, 10, "record 0 has the label 10")]
    public void Cifar_BrokenFile_IsOneClearError(int length, byte label, string words)
    {
        var bytes = new byte[length];
        if (length > 0)
        {
            bytes[0] = label;
        }

        var path = Write("broken.bin", bytes);
        var fault = Assert.Throws<ImageDataException>(() => CifarImages.Open(path));
        Assert.StartsWith(path, fault.Message);
        Assert.Contains(words, fault.Message);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Idx_PlainAndZipped_AreRead(bool isZipped)
    {
        var (images, labels) = Idx(isZipped);
        var set = IdxImages.Open(images, labels);
        Assert.Equal([2, 0], set.Labels);
        Assert.Equal([5, 5, 5], set.Read(1).Pixels[..3]);
        Assert.Equal((3, 2), (set.Read(0).Width, set.Read(0).Height));
    }

    [Fact]
    public void Idx_CountThatLies_EndsInAnErrorAndNoAllocation()
    {
        var (_, labels) = Idx(isZipped: false);
        var path = Write("lies", [0, 0, 8, 1, 0x7f, 0xff, 0xff, 0xff, 1, 2]);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Contains("ends after 2 of 2147483647 bytes",
            Assert.Throws<ImageDataException>(() => IdxImages.Open(labels, path)).Message);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }

    [Fact]
    public void Idx_FilesThatDoNotFit_AreAnError()
    {
        var (images, labels) = Idx(isZipped: false);
        Assert.Contains("idx labels begin with 2049",
            Assert.Throws<ImageDataException>(() => IdxImages.Open(labels, images)).Message);
        var short1 = Write("short", File.ReadAllBytes(images)[..^1]);
        Assert.Contains("ends after", Assert.Throws<ImageDataException>(() => IdxImages.Open(short1, labels)).Message);
    }

    [Fact]
    public void Folder_ClassesAreAlphabetical_AndACorruptImageIsNamed()
    {
        Directory.CreateDirectory(Path.Combine(folder, "tree/b"));
        Directory.CreateDirectory(Path.Combine(folder, "tree/a"));
        using (var bitmap = new SKBitmap(4, 2))
        {
            bitmap.Erase(new SKColor(200, 100, 50));
            using var data = bitmap.Encode(SKEncodedImageFormat.Png, 100);
            File.WriteAllBytes(Path.Combine(folder, "tree/b/one.png"), data.ToArray());
        }

        File.WriteAllText(Path.Combine(folder, "tree/a/two.jpg"), "no image");
        var set = ImageFolder.Open(Path.Combine(folder, "tree"));
        Assert.Equal(["a", "b"], set.Classes);
        Assert.Equal([200, 100, 50], set.Read(1).Pixels[..3]);
        Assert.Contains("two.jpg: it is no image", Assert.Throws<ImageDataException>(() => set.Read(0)).Message);
    }

    [Theory]
    [InlineData("Png", ".png")]
    [InlineData("Jpeg", ".JPG")]
    [InlineData("Webp", ".webp")]
    [InlineData(null, ".gif")]
    [InlineData(null, ".bmp")]
    public void Folder_ReadsEachFormat(string? format, string extension)
    {
        Put($"tree/a/image{extension}", format is null ? Plain(extension) : Encoded(format));
        var image = ImageFolder.Open(Path.Combine(folder, "tree")).Read(0);
        Assert.Equal((2, 2), (image.Width, image.Height));
        Assert.All(image.Pixels.Zip(Enumerable.Repeat(new byte[] { 200, 100, 50 }, 4).SelectMany(pixel => pixel)),
            pair => Assert.InRange(pair.First, pair.Second - 8, pair.Second + 8));
    }

    [Fact]
    public void Folder_NamesThatBeginWithADot_AndFilesThatAreNoImages_AreNoneOfIt()
    {
        Put("tree/a/one.png", Encoded("Png"));
        Put("tree/a/deep/two.png", Encoded("Png"));
        foreach (var name in new[]
        {
            "tree/.git/a.png", "tree/.ipynb_checkpoints/one.png", "tree/__MACOSX/a/._one.png", "tree/a/._one.png",
            "tree/a/.hidden.png", "tree/a/.thumbnails/one.png", "tree/a/notes.txt", "tree/a/.DS_Store", "tree/one.png",
        })
        {
            Put(name, [1, 2, 3]);
        }

        var set = ImageFolder.Open(Path.Combine(folder, "tree"));
        Assert.Equal(["a"], set.Classes);
        Assert.Equal((2, 0), (set.Count, set.Skipped.Count));
        set.Read(0);
        set.Read(1);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("notes.txt")]
    [InlineData(".hidden.png")]
    [InlineData("._one.jpg")]
    public void Folder_ClassWithoutAnImage_IsRefused(string? file)
    {
        Put("tree/a/one.png", Encoded("Png"));
        Directory.CreateDirectory(Path.Combine(folder, "tree/b"));
        if (file is not null)
        {
            Put($"tree/b/{file}", [1]);
        }

        var fault = Assert.Throws<ImageDataException>(() => ImageFolder.Open(Path.Combine(folder, "tree")));
        Assert.StartsWith(Path.Combine(folder, "tree/b") + ": the class has no image that is read", fault.Message);
        Assert.EndsWith("add images, or remove the folder.", fault.Message);
    }

    [Theory]
    [InlineData(".tif")]
    [InlineData(".TIFF")]
    [InlineData(".ppm")]
    [InlineData(".heic")]
    public void Folder_FormatThatIsNotRead_IsRefused_OrSkippedByName(string extension)
    {
        Put("tree/a/one.png", Encoded("Png"));
        Put($"tree/a/two{extension}", [1]);
        var tree = Path.Combine(folder, "tree");
        var message = $"{tree}/a/two{extension}: images of the format {extension} are not read; convert them to PNG, "
            + "or skip them (skipUnreadable).";
        Assert.Equal(message, Assert.Throws<ImageDataException>(() => ImageFolder.Open(tree)).Message);
        var set = ImageFolder.Open(tree, skipUnreadable: true);
        Assert.Equal((1, message), (set.Count, Assert.Single(set.Skipped).Message));
    }

    [Fact]
    public void Folder_BrokenImages_StopOrAreSkippedWithTheirReasons()
    {
        Put("tree/a/one.png", Encoded("Png"));
        Put("tree/a/cut.png", Encoded("Png", side: 64)[..^200]);
        Put("tree/a/none.jpg", [1, 2, 3]);
        Put("tree/a/empty.gif", []);
        Put("tree/b/two.png", Encoded("Png"));
        var tree = Path.Combine(folder, "tree");
        var strict = ImageFolder.Open(tree);
        Assert.Equal(5, strict.Count);
        Assert.Equal(3, Enumerable.Range(0, 5).Count(index => Record.Exception(() => strict.Read(index)) is
            ImageDataException));
        var set = ImageFolder.Open(tree, skipUnreadable: true);
        Assert.Equal([0, 1], set.Labels);
        Assert.Equal(["cut.png", "empty.gif", "none.jpg"], set.Skipped.Select(fault =>
            Path.GetFileName(fault.Message.Split(':')[0])));
        Assert.Equal(3, ImageSplits.Folders(tree, skipUnreadable: true).Skipped.Count);
        Put("tree/c/broken.png", [1]);
        Assert.Contains("c: the class has no image", Assert.Throws<ImageDataException>(() =>
            ImageFolder.Open(tree, skipUnreadable: true)).Message);
    }

    [Fact]
    public void SizesOf0_AreOneSentence()
    {
        var set = new ImagesInMemory(["a"], [(new Picture(1, 1, [1, 2, 3]), 0)]);
        foreach (var make in new Action[]
        {
            () => _ = new EvaluationTransform(0, Normalization.ImageNet),
            () => _ = new TrainingTransform(0, Normalization.ImageNet),
            () => _ = new ImageLoader(set, new EvaluationTransform(1, Normalization.ImageNet), 0),
        })
        {
            Assert.Contains("one", Assert.Throws<ArgumentOutOfRangeException>(make).Message);
        }
    }

    [Fact]
    public void MissingFolder_IsOneClearError()
    {
        foreach (var open in new Func<string, ImageSplits>[] { ImageSplits.Cifar10, ImageSplits.Idx,
            path => ImageSplits.Folders(path) })
        {
            Assert.Contains("/nowhere", Assert.Throws<ImageDataException>(() => open("/nowhere")).Message);
        }
    }

    [Fact]
    public void Splits_WithoutValidation_HoldOutAFifthOfEachClass()
    {
        var tree = Path.Combine(folder, "digits");
        Directory.CreateDirectory(tree);
        var labels = Enumerable.Range(0, 50).Select(index => (byte)(index % 2)).ToArray();
        File.WriteAllBytes(Path.Combine(tree, "t10k-images-idx3-ubyte"),
            [0, 0, 8, 3, 0, 0, 0, 50, 0, 0, 0, 1, 0, 0, 0, 1, .. new byte[50]]);
        File.WriteAllBytes(Path.Combine(tree, "t10k-labels-idx1-ubyte"), [0, 0, 8, 1, 0, 0, 0, 50, .. labels]);
        var splits = ImageSplits.Idx(tree);
        Assert.Equal((40, 10), (splits.Training.Count, splits.Validation.Count));
        Assert.Equal(5, splits.Validation.Labels.Count(label => label == 0));
    }

    [Fact]
    public void Generated_SameSeedSameImages_OtherSeedOthers()
    {
        var (one, same, other) =
            (GeneratedImages.Create(20, 32, 1), GeneratedImages.Create(20, 32, 1), GeneratedImages.Create(20, 32, 2));
        Assert.Equal(10, one.Classes.Count);
        Assert.All(Enumerable.Range(0, 20), index => Assert.Equal(one.Read(index).Pixels, same.Read(index).Pixels));
        Assert.NotEqual(one.Read(3).Pixels, other.Read(3).Pixels);
    }

    private void Put(string name, byte[] bytes)
    {
        var path = Path.Combine(folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, bytes);
    }

    private static byte[] Encoded(string format, int side = 2)
    {
        using var bitmap = new SKBitmap(side, side);
        bitmap.Erase(new SKColor(200, 100, 50));
        using var data = bitmap.Encode(Enum.Parse<SKEncodedImageFormat>(format), 100);
        return data.ToArray();
    }

    /// <summary>2 × 2 pixels of formats that Skia does not write.</summary>
    private static byte[] Plain(string extension) => extension == ".gif"
        ? [.. "GIF89a"u8, 2, 0, 2, 0, 0x80, 0, 0, 200, 100, 50, 0, 0, 0, 0x2c, 0, 0, 0, 0, 2, 0, 2, 0, 0, 2, 3, 0x04,
            0x80, 0x02, 0, 0x3b]
        : [.. "BM"u8, 70, 0, 0, 0, 0, 0, 0, 0, 54, 0, 0, 0, 40, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 1, 0, 24, 0,
            .. new byte[4], 16, 0, 0, 0, .. new byte[16],
            50, 100, 200, 50, 100, 200, 0, 0, 50, 100, 200, 50, 100, 200, 0, 0];

    private string Write(string name, byte[] bytes)
    {
        var path = Path.Combine(folder, name);
        File.WriteAllBytes(path, bytes);
        return path;
    }

    private (string Images, string Labels) Idx(bool isZipped)
    {
        byte[] images = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 1, 1, 1, 1, 1, 5, 5, 5, 5, 5, 5];
        byte[] labels = [0, 0, 8, 1, 0, 0, 0, 2, 2, 0];
        return (Write("images", Zip(images)), Write("labels", Zip(labels)));

        byte[] Zip(byte[] bytes)
        {
            if (!isZipped)
            {
                return bytes;
            }

            using var result = new MemoryStream();
            using (var zip = new GZipStream(result, CompressionLevel.Fastest))
            {
                zip.Write(bytes);
            }

            return result.ToArray();
        }
    }
}
