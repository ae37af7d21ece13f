namespace Marrow.Vision;

/// <summary>The training and validation images of a data set.</summary>
/// <param name="Training">To train on.</param>
/// <param name="Validation">To measure on.</param>
public sealed record ImageSplits(ImageSet Training, ImageSet Validation)
{
    // Of a set without validation images of its own, every fifth image of a class is one.
    private const int HeldOut = 5;

    /// <summary>Images of folders that were skipped, each with the reason.</summary>
    public IReadOnlyList<ImageDataException> Skipped { get; init; } = [];

    /// <summary>
    /// CIFAR-10: <c>train*.bin</c> or <c>data_batch*.bin</c>, and <c>test*.bin</c>, in one folder.
    /// </summary>
    /// <exception cref="ImageDataException">The files are missing or cannot be read.</exception>
    public static ImageSplits Cifar10(string folder)
    {
        var (training, validation) = (Files(folder, "train*.bin", "data_batch*.bin"), Files(folder, "test*.bin"));
        return training.Count == 0 || validation.Count == 0
            ? throw new ImageDataException(
                folder,
                "no train*.bin (or data_batch*.bin) and test*.bin",
                "give the folder of CIFAR-10's binary files")
            : new(CifarImages.Open(training), CifarImages.Open(validation));
    }

    /// <summary>
    /// The MNIST family: <c>train-images*</c>, <c>train-labels*</c>, <c>t…k-images*</c>, <c>t…k-labels*</c>, plain or
    /// gzip. With one pair only, every fifth image of a class is for validation.
    /// </summary>
    /// <exception cref="ImageDataException">The files are missing or cannot be read.</exception>
    public static ImageSplits Idx(string folder)
    {
        var (training, other) = (Pair("train-"), Pair("t*k-"));
        return (training, other) switch
        {
            (null, null) => throw new ImageDataException(
                folder, "no *-images*-ubyte and *-labels*-ubyte files", "give the folder of the idx files"),
            ({ } one, null) => Of(one),
            (null, { } one) => Of(one),
            _ => new(training, other),
        };

        ImageSet? Pair(string prefix) => Files(folder, prefix + "images*ubyte*") is [var images, ..]
            && Files(folder, prefix + "labels*ubyte*") is [var labels, ..]
            ? IdxImages.Open(images, labels)
            : null;
    }

    /// <summary>
    /// Folders of classes in <c>train</c> and <c>val</c> (or <c>validation</c>, <c>test</c>); without those, every
    /// fifth image of a class is for validation.
    /// </summary>
    /// <param name="folder">The folder.</param>
    /// <param name="skipUnreadable">Leaves out what <see cref="ImageFolder.Open"/> cannot read.</param>
    /// <exception cref="ImageDataException">There are no images, or the two parts have other classes.</exception>
    public static ImageSplits Folders(string folder, bool skipUnreadable = false)
    {
        var skipped = new List<ImageDataException>();
        var training = Path.Combine(folder, "train");
        var validation = new[] { "val", "validation", "test" }
            .Select(name => Path.Combine(folder, name))
            .FirstOrDefault(Directory.Exists);
        if (!Directory.Exists(training))
        {
            return Of(Open(folder)) with { Skipped = skipped };
        }

        if (validation is null)
        {
            return Of(Open(training)) with { Skipped = skipped };
        }

        var splits = new ImageSplits(Open(training), Open(validation)) { Skipped = skipped };
        return splits.Training.Classes.SequenceEqual(splits.Validation.Classes)
            ? splits
            : throw new ImageDataException(
                validation, "its class folders are not those of the training images", "give both the same classes");

        ImageFolder Open(string path)
        {
            var images = ImageFolder.Open(path, skipUnreadable);
            skipped.AddRange(images.Skipped);
            return images;
        }
    }

    private static ImageSplits Of(ImageSet whole)
    {
        var isHeldOut = new bool[whole.Count];
        foreach (var index in Enumerable.Range(0, whole.Count).GroupBy(index => whole.Labels[index]).SelectMany(Last))
        {
            isHeldOut[index] = true;
        }

        return new(Where(held => !held), Where(held => held));

        static IEnumerable<int> Last(IEnumerable<int> ofOneClass) =>
            ofOneClass.Where((_, place) => place % HeldOut == HeldOut - 1);

        ImageSubset Where(Func<bool, bool> condition) =>
            new(whole, [.. Enumerable.Range(0, whole.Count).Where(index => condition(isHeldOut[index]))]);
    }

    private static List<string> Files(string folder, params string[] patterns) => ImageDataException.Guard(
        folder,
        () => patterns
            .SelectMany(pattern => Directory.GetFiles(folder, pattern))
            .Order(StringComparer.Ordinal)
            .ToList());
}
