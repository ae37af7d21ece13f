using Marrow.Vision;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Models.Tests.Vision;

/// <summary>Batches, augmentation and mixing.</summary>
public class ImageLoaderTests
{
    private static readonly ImageSet Images = GeneratedImages.Create(50, 24, 3);

    private static List<float[]> Epoch(int epoch, int ahead, int first = 0)
    {
        var loader = new ImageLoader(
            Images, new TrainingTransform(16, Normalization.ImageNet), batchSize: 8, seed: 5, ahead: ahead);
        var batches = loader.Epoch(epoch, first, TestContext.Current.CancellationToken);
        return [.. batches.Select(batch =>
        {
            using (batch)
            {
                return batch.Images.data<float>().ToArray();
            }
        })];
    }

    [Fact]
    public void Epoch_DependsOnSeedAndEpochAlone()
    {
        var one = Epoch(0, ahead: 1);
        Assert.Equal(6, one.Count);
        Assert.Equal(one, Epoch(0, ahead: 8));
        Assert.NotEqual(one, Epoch(1, ahead: 1));
        Assert.Equal(one[4..], Epoch(0, ahead: 3, first: 4));
    }

    [Fact]
    public void Evaluation_SeesEveryImageOnceInOrder()
    {
        var loader = new ImageLoader(
            Images, new EvaluationTransform(24, Normalization.ImageNet), batchSize: 8, isTraining: false);
        var batches = loader.Epoch(0, cancellation: TestContext.Current.CancellationToken);
        var labels = batches.SelectMany(batch =>
        {
            using (batch)
            {
                return batch.Labels.data<long>().ToArray();
            }
        });
        Assert.Equal(Images.Labels.Select(label => (long)label), labels);
    }

    [Fact]
    public void Evaluation_AtItsOwnSize_IsTheNormalizedPixels()
    {
        var target = new float[3 * 24 * 24];
        new EvaluationTransform(24, Normalization.Cifar10).Apply(Images.Read(0), new Random(0), target);
        Assert.Equal(((Images.Read(0).Pixels[1] / 255f) - 0.4822f) / 0.2435f, target[24 * 24], 5);
    }

    [Fact]
    public void Resizing_AConstantImage_KeepsIt()
    {
        var image = new Picture(31, 17, Enumerable.Repeat((byte)90, 31 * 17 * 3).ToArray());
        var target = new float[3 * 40 * 40];
        new EvaluationTransform(40, new Normalization([0, 0, 0], [1, 1, 1]), crop: 0.9).Apply(
            image, new Random(0), target);
        Assert.All(target, value => Assert.Equal(90 / 255f, value, 5));
    }

    [Fact]
    public void Augmentation_StaysFiniteAndChangesImages()
    {
        var transform = new TrainingTransform(24, new Normalization([0, 0, 0], [1, 1, 1]))
        {
            ColorJitter = 0.3,
            Erasing = 0,
            Operations = 4,
            Magnitude = 10,
        };
        var plain = new float[3 * 24 * 24];
        new EvaluationTransform(24, new Normalization([0, 0, 0], [1, 1, 1])).Apply(
            Images.Read(0), new Random(0), plain);
        for (var draw = 0; draw < 200; draw++)
        {
            var target = new float[3 * 24 * 24];
            transform.Apply(Images.Read(0), new Random(draw), target);
            Assert.All(target, value => Assert.InRange(value, 0, 1));
            Assert.NotEqual(plain, target);
        }
    }

    [Fact]
    public void Failure_OfAnImage_ReachesTheCaller()
    {
        var loader = new ImageLoader(
            new Broken(), new EvaluationTransform(8, Normalization.ImageNet), batchSize: 2, isTraining: false);
        Assert.Throws<ImageDataException>(() =>
            loader.Epoch(0, cancellation: TestContext.Current.CancellationToken).Count());
    }

    [Theory]
    [InlineData(0.8, 0)]
    [InlineData(0, 1.0)]
    [InlineData(0.8, 1.0)]
    public void Mixing_MixesTargetsAsItMixesPixels(double mixUp, double cutMix)
    {
        using var scope = NewDisposeScope();
        for (var draw = 0; draw < 20; draw++)
        {
            var images = cat([zeros(1, 3, 8, 8), ones(1, 3, 8, 8)], 0);
            var mixed = new MixUp(mixUp, cutMix).Apply(images, eye(2), new Random(draw));
            Assert.Equal(images[0].mean().item<float>(), mixed[0][1].item<float>(), 4);
            Assert.Equal(1, mixed[1].sum().item<float>(), 4);
        }
    }

    private sealed class Broken() : ImageSet(["a"], [0, 0, 0])
    {
        public override Picture Read(int index) => throw new ImageDataException("x.jpg", "broken", "replace it");
    }
}
