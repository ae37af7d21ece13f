using Marrow.Models;
using static TorchSharp.torch;

namespace Marrow.Vision;

/// <summary>A batch.</summary>
/// <param name="Images">[n, 3, size, size], float32.</param>
/// <param name="Labels">[n], int64.</param>
public sealed record ImageBatch(Tensor Images, Tensor Labels) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose()
    {
        Images.Dispose();
        Labels.Dispose();
    }
}

/// <summary>
/// Reads, transforms and batches images on background threads, some batches ahead. What it yields depends on the seed
/// and the epoch alone, whatever the threads do. Background threads fill plain arrays; tensors are made on the thread
/// that enumerates.
/// </summary>
/// <param name="images">The images.</param>
/// <param name="transform">What makes inputs of them.</param>
/// <param name="batchSize">Images in a batch.</param>
/// <param name="seed">Order and augmentation.</param>
/// <param name="isTraining">Whether order is random and a smaller last batch is dropped.</param>
/// <param name="ahead">Batches in the making.</param>
public sealed class ImageLoader(
    ImageSet images, IImageTransform transform, int batchSize, ulong seed = 0, bool isTraining = true, int ahead = 4)
{
    private readonly int batchSize = batchSize > 0 ? batchSize : throw new ArgumentOutOfRangeException(
        nameof(batchSize), batchSize, "A batch has one image or more.");

    /// <summary>Batches in an epoch.</summary>
    public int Batches => isTraining ? images.Count / batchSize : (images.Count + batchSize - 1) / batchSize;

    /// <summary>The batches of an epoch.</summary>
    /// <param name="epoch">Which epoch.</param>
    /// <param name="first">The first batch, to go on within an epoch.</param>
    /// <param name="cancellation">Stops reading.</param>
    /// <exception cref="ImageDataException">An image cannot be read.</exception>
    public IEnumerable<ImageBatch> Epoch(int epoch, int first = 0, CancellationToken cancellation = default)
    {
        var order = Enumerable.Range(0, images.Count).ToArray();
        if (isTraining)
        {
            Seeds.Random(seed, (ulong)epoch, ulong.MaxValue).Shuffle(order);
        }

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var making = new Queue<Task<(float[] Images, long[] Labels)>>();
        try
        {
            for (var (made, next) = (first, first); made < Batches; made++)
            {
                for (; next < Batches && making.Count < ahead; next++)
                {
                    var indices = order.AsMemory(
                        next * batchSize, Math.Min(batchSize, images.Count - (next * batchSize)));
                    making.Enqueue(Task.Run(() => Make(indices.Span, epoch, stop.Token), stop.Token));
                }

                var (values, labels) = making.Dequeue().GetAwaiter().GetResult();
                yield return new ImageBatch(
                    tensor(values, [labels.Length, 3, transform.Size, transform.Size]).DetachFromDisposeScope(),
                        tensor(labels).DetachFromDisposeScope());
            }
        }
        finally
        {
            stop.Cancel();
        }
    }

    private (float[] Images, long[] Labels) Make(ReadOnlySpan<int> indices, int epoch, CancellationToken cancellation)
    {
        var size = 3 * transform.Size * transform.Size;
        var (values, labels) = (new float[indices.Length * size], new long[indices.Length]);
        for (var place = 0; place < indices.Length; place++)
        {
            cancellation.ThrowIfCancellationRequested();
            var index = indices[place];
            transform.Apply(
                images.Read(index), Seeds.Random(seed, (ulong)epoch, (ulong)index), values.AsSpan(place * size, size));
            labels[place] = images.Labels[index];
        }

        return (values, labels);
    }
}
