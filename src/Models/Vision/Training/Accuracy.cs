using static TorchSharp.torch;

namespace Marrow.Vision;

/// <summary>Top-1 accuracy.</summary>
public static class Accuracy
{
    /// <summary>Share of images that a model classifies rightly; leaves the model in evaluation mode.</summary>
    /// <param name="model">Images [n, 3, h, w] to logits [n, classes].</param>
    /// <param name="images">The images.</param>
    /// <param name="transform">What makes inputs of them.</param>
    /// <param name="batchSize">Images of a pass.</param>
    /// <param name="cancellation">Stops.</param>
    public static double Of(
        nn.Module<Tensor, Tensor> model, ImageSet images, IImageTransform transform, int batchSize = 100,
            CancellationToken cancellation = default)
    {
        model.eval();
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        Tensor? right = null; // on the device until the end
        var none = zeros(0, dtype: ScalarType.Float32, device: CPU);
        var like = model.parameters().FirstOrDefault() ?? none;
        foreach (var batch in new ImageLoader(images, transform, batchSize, isTraining: false).Epoch(
            0, cancellation: cancellation))
        {
            using var inner = NewDisposeScope();
            using (batch)
            {
                var (pictures, labels) = (batch.Images.SendLike(like), batch.Labels.Send(like.device));
                var found = model.call(pictures).argmax(1).eq(labels).sum();
                right = (right is null ? found : right + found).MoveToOuterDisposeScope();
            }
        }

        return (right?.item<long>() ?? 0) / (double)Math.Max(1, images.Count);
    }
}
