using Marrow.Vision;

namespace Marrow.Examples.QuantizeVit;

/// <summary>The images, and how they become inputs.</summary>
/// <param name="Splits">The images.</param>
/// <param name="Training">Augmentation.</param>
/// <param name="Evaluation">None.</param>
internal sealed record ImageTask(ImageSplits Splits, IImageTransform Training, IImageTransform Evaluation)
{
    private const int GeneratedTraining = 8000, GeneratedValidation = 1000;

    /// <summary>Reads or draws the images.</summary>
    /// <exception cref="ImageDataException">They cannot be read.</exception>
    public static ImageTask Open(Options options)
    {
        var (splits, normalization, flips) = (options.Data, options.Format) switch
        {
            (null, _) => (Generated(options.Image), Normalization.ImageNet, false),
            ({ } folder, "cifar10") => (ImageSplits.Cifar10(folder), Normalization.Cifar10, true),
            ({ } folder, "idx") =>
                (ImageSplits.Idx(folder), new Normalization([0.5f, 0.5f, 0.5f], [0.5f, 0.5f, 0.5f]), false),
            ({ } folder, _) => (ImageSplits.Folders(folder, options.SkipUnreadable), Normalization.ImageNet, true),
        };
        return new(
            splits,
            new TrainingTransform(options.Image, normalization)
            {
                Flips = flips,
                LeastArea = 0.6,
                Magnitude = 4,
                Operations = 1,
                Erasing = 0.1,
            },
            new EvaluationTransform(options.Image, normalization));
    }

    private static ImageSplits Generated(int side) =>
        new(
            GeneratedImages.Create(GeneratedTraining, side, seed: 1),
            GeneratedImages.Create(GeneratedValidation, side, seed: 2));
}
