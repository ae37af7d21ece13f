using Marrow.Tests;
using Marrow.Vision;
using Xunit;

namespace Marrow.Models.Tests.Vision;

/// <summary>The readers on real files.</summary>
public class SharedDataTests
{
    [Fact]
    public void Cifar10_IsRead()
    {
        var splits = ImageSplits.Cifar10(Folder("cifar10"));
        Assert.Equal((10000, 2000), (splits.Training.Count, splits.Validation.Count));
        Assert.Equal(Enumerable.Range(0, 20).Select(index => index % 10), splits.Training.Labels.Take(20));
    }

    [Fact]
    public void ImageFolder_HasTheImagesOfTheBinaryFile()
    {
        var binary = ImageSplits.Cifar10(Folder("cifar10")).Training;
        var folder = ImageFolder.Open(Path.Combine(Folder("cifar10"), "imagefolder", "train"));
        Assert.Equal(60, folder.Count);
        for (var index = 0; index < 60; index++)
        {
            // Six images of a class here, one class after another there; JPEG decoders differ by a little.
            var (a, b) = (folder.Read(index).Pixels, binary.Read((index % 6 * 10) + (index / 6)).Pixels);
            Assert.True(a.Zip(b, (x, y) => Math.Abs(x - y)).Average() < 2, $"image {index}");
        }
    }

    [Theory]
    [InlineData("fashion_mnist", 4000)]
    [InlineData("mnist", 10000)]
    public void Idx_IsRead(string name, int atMost)
    {
        var splits = ImageSplits.Idx(Folder(name));
        Assert.InRange(splits.Training.Count + splits.Validation.Count, 1000, atMost);
        Assert.Equal(10, splits.Training.Classes.Count);
        Assert.Equal((28, 28), (splits.Training.Read(0).Width, splits.Training.Read(0).Height));
    }

    private static string Folder(string name) => SharedData.Require(Path.Combine("data", name));
}
