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

    [Fact]
    public void MissingFolder_IsOneClearError()
    {
        foreach (var open in new Func<string, ImageSplits>[] { ImageSplits.Cifar10, ImageSplits.Idx,
            ImageSplits.Folders })
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
