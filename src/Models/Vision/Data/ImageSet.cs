namespace Marrow.Vision;

/// <summary>Labeled images. Reading is safe from several threads at once.</summary>
/// <param name="classes">Names of the classes; labels are indices into them.</param>
/// <param name="labels">The label of each image.</param>
public abstract class ImageSet(IReadOnlyList<string> classes, IReadOnlyList<int> labels)
{
    /// <summary>Names of the classes; labels are indices into them.</summary>
    public IReadOnlyList<string> Classes { get; } = classes;

    /// <summary>The label of each image.</summary>
    public IReadOnlyList<int> Labels { get; } = labels;

    /// <summary>How many images there are.</summary>
    public int Count => Labels.Count;

    /// <summary>Reads one image.</summary>
    /// <exception cref="ImageDataException">The image cannot be read.</exception>
    public abstract Picture Read(int index);
}

/// <summary>Images that are all in memory.</summary>
/// <param name="classes">Names of the classes.</param>
/// <param name="images">The images with their labels.</param>
public sealed class ImagesInMemory(IReadOnlyList<string> classes, IReadOnlyList<(Picture Image, int Label)> images)
    : ImageSet(classes, [.. images.Select(image => image.Label)])
{
    /// <inheritdoc/>
    public override Picture Read(int index) => images[index].Image;
}

/// <summary>Some of another set's images, in a given order.</summary>
/// <param name="whole">The other set.</param>
/// <param name="indices">Which images.</param>
public sealed class ImageSubset(ImageSet whole, IReadOnlyList<int> indices)
    : ImageSet(whole.Classes, [.. indices.Select(index => whole.Labels[index])])
{
    /// <inheritdoc/>
    public override Picture Read(int index) => whole.Read(indices[index]);
}
