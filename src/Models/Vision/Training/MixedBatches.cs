using Marrow.Models;
using static TorchSharp.torch;

namespace Marrow.Vision;

/// <summary>A batch to learn from.</summary>
/// <param name="Images">[n, 3, size, size], of the model's type.</param>
/// <param name="Targets">[n, classes], probabilities.</param>
internal sealed record MixedBatch(Tensor Images, Tensor Targets) : IDisposable
{
    public void Dispose()
    {
        Images.Dispose();
        Targets.Dispose();
    }
}

/// <summary>Mixed batches with smoothed targets, one after another, read ahead by the loader's threads.</summary>
internal sealed class MixedBatches : IDisposable
{
    private readonly ImageTrainingOptions options;
    private readonly ImageLoader loader;
    private readonly MixUp mixing;
    private readonly int classes;
    private readonly Tensor like;
    private IEnumerator<ImageBatch>? images;
    private Random random = new(0);

    /// <summary>Prepares reading of batches.</summary>
    /// <param name="images">The images.</param>
    /// <param name="transform">Augmentation.</param>
    /// <param name="options">The recipe.</param>
    /// <param name="like">Says the device, and the images' type.</param>
    /// <exception cref="TrainingException">The images do not fill one batch.</exception>
    public MixedBatches(ImageSet images, IImageTransform transform, ImageTrainingOptions options, Tensor like)
    {
        (this.options, classes, this.like) = (options, images.Classes.Count, like);
        mixing = new MixUp(options.MixUp, options.CutMix);
        loader = new ImageLoader(images, transform, options.BatchSize, options.Seed);
        if (loader.Batches == 0)
        {
            throw new TrainingException(
                $"{images.Count} images do not fill a batch of {options.BatchSize}; use a smaller batch.");
        }
    }

    /// <summary>Begins reading at a batch, which is the first of a step.</summary>
    public void Begin(long number, CancellationToken cancellation)
    {
        Dispose();
        images = Read(number, cancellation).GetEnumerator();
    }

    /// <summary>The batch of this number, which follows the one before. Each step has its own random numbers.</summary>
    public MixedBatch Next(long number)
    {
        if (number % options.Accumulation == 0)
        {
            random = Seeds.Random(options.Seed, (ulong)(number / options.Accumulation), ulong.MaxValue - 1);
        }

        images!.MoveNext();
        var batch = images.Current;
        using var smooth = Losses.SmoothTargets(batch.Labels, classes, options.LabelSmoothing);
        var targets = mixing.Apply(batch.Images, smooth, random);
        batch.Labels.Dispose();
        return new MixedBatch(batch.Images.SendLike(like), targets.Send(like.device));
    }

    public void Dispose() => images?.Dispose();

    private IEnumerable<ImageBatch> Read(long first, CancellationToken cancellation)
    {
        for (var pass = (int)first; ; pass = ((pass / loader.Batches) + 1) * loader.Batches)
        {
            foreach (var batch in loader.Epoch(pass / loader.Batches, pass % loader.Batches, cancellation))
            {
                yield return batch;
            }
        }
    }
}
