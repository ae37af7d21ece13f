namespace Marrow.Vision;

/// <summary>The shorter side to Size / crop, the middle square of Size, normalized: timm's evaluation.</summary>
/// <param name="size">Pixels of a side.</param>
/// <param name="normalization">Means and deviations.</param>
/// <param name="crop">Part of the shorter side that stays; ImageNet's 224 pixels have 0.875.</param>
public sealed class EvaluationTransform(int size, Normalization normalization, double crop = 1) : IImageTransform
{
    /// <inheritdoc/>
    public int Size { get; } = size > 0 ? size : throw new ArgumentOutOfRangeException(
        nameof(size), size, "A side has one pixel or more.");

    /// <inheritdoc/>
    public void Apply(Picture image, Random random, Span<float> target)
    {
        var side = Math.Min(image.Width, image.Height) * crop;
        var isFitting = image.Width == Size && image.Height == Size && crop == 1;
        normalization.Write(
            isFitting ? image : Resampling.Resize(
                image, (image.Width - side) / 2, (image.Height - side) / 2, side, side, Size, Size), target);
    }
}
