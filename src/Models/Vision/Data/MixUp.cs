using static TorchSharp.torch;

namespace Marrow.Vision;

/// <summary>
/// Mixes each image of a batch with another one, and their targets with it: a weighted mean (mixup, arXiv 1710.09412)
/// or a rectangle of the other (CutMix, arXiv 1905.04899).
/// </summary>
/// <param name="mixUp">α of mixup's Beta distribution; 0: none. DeiT: 0.8.</param>
/// <param name="cutMix">α of CutMix's; 0: none. DeiT: 1.</param>
public sealed class MixUp(double mixUp = 0.8, double cutMix = 1)
{
    /// <summary>Mixes a batch with itself in reverse order.</summary>
    /// <param name="images">[n, 3, h, w]; changed.</param>
    /// <param name="targets">[n, classes], probabilities.</param>
    /// <param name="random">Random numbers.</param>
    /// <returns>The targets to learn; the caller owns them.</returns>
    public Tensor Apply(Tensor images, Tensor targets, Random random)
    {
        if (mixUp <= 0 && cutMix <= 0)
        {
            return targets.clone();
        }

        using var scope = NewDisposeScope();
        var cuts = cutMix > 0 && (mixUp <= 0 || random.Next(2) == 0);
        var part = Beta(cuts ? cutMix : mixUp, random);
        var others = images.flip(0);
        if (cuts)
        {
            var (height, width) = ((int)images.shape[2], (int)images.shape[3]);
            var side = Math.Sqrt(1 - part);
            var (centerY, centerX) = (random.Next(height), random.Next(width));
            var (top, bottom) = Span(centerY, (int)(height * side), height);
            var (left, right) = Span(centerX, (int)(width * side), width);
            images.narrow(2, top, bottom - top).narrow(3, left, right - left)
                .copy_(others.narrow(2, top, bottom - top).narrow(3, left, right - left));
            part = 1 - ((bottom - top) * (right - left) / (double)(height * width));
        }
        else
        {
            images.mul_(part).add_(others, alpha: 1 - part);
        }

        return scope.MoveToOuter(targets.mul(part).add_(targets.flip(0), alpha: 1 - part));

        static (int Start, int End) Span(int center, int length, int limit) =>
            (Math.Clamp(center - (length / 2), 0, limit), Math.Clamp(center + (length / 2), 0, limit));
    }

    /// <summary>A draw from Beta(α, α): by Jöhnk's method for α ≤ 1, which is what mixing uses.</summary>
    private static double Beta(double alpha, Random random)
    {
        while (true)
        {
            var (x, y) = (Math.Pow(random.NextDouble(), 1 / alpha), Math.Pow(random.NextDouble(), 1 / alpha));
            if (x + y is > 0 and <= 1)
            {
                return x / (x + y);
            }
        }
    }
}
