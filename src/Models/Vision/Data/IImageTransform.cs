namespace Marrow.Vision;

/// <summary>Makes a model's input of an image. Called on background threads, so it holds no tensors.</summary>
public interface IImageTransform
{
    /// <summary>Pixels of a side of the result.</summary>
    int Size { get; }

    /// <summary>Writes [3, Size, Size], normalized.</summary>
    /// <param name="image">The image.</param>
    /// <param name="random">Random numbers for this image alone.</param>
    /// <param name="target">3 · Size · Size numbers.</param>
    void Apply(Picture image, Random random, Span<float> target);
}

/// <summary>Mean and standard deviation of each channel, of values from 0 to 1.</summary>
/// <param name="Mean">Three means.</param>
/// <param name="Deviation">Three deviations.</param>
public sealed record Normalization(float[] Mean, float[] Deviation)
{
    /// <summary>ImageNet's.</summary>
    public static Normalization ImageNet { get; } = new([0.485f, 0.456f, 0.406f], [0.229f, 0.224f, 0.225f]);

    /// <summary>CIFAR-10's.</summary>
    public static Normalization Cifar10 { get; } = new([0.4914f, 0.4822f, 0.4465f], [0.2470f, 0.2435f, 0.2616f]);

    /// <summary>Writes an image as [3, height, width].</summary>
    public void Write(Picture image, Span<float> target)
    {
        var plane = image.Width * image.Height;
        for (var channel = 0; channel < 3; channel++)
        {
            var (scale, shift) = (1 / (255 * Deviation[channel]), Mean[channel] / Deviation[channel]);
            for (var pixel = 0; pixel < plane; pixel++)
            {
                target[(channel * plane) + pixel] = (image.Pixels[(3 * pixel) + channel] * scale) - shift;
            }
        }
    }
}
