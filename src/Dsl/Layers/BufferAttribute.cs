namespace Marrow;

/// <summary>
/// A table that is computed, not trained and not saved (rotary angles, masks), on a property of type <c>Tensor</c>.
/// </summary>
/// <param name="sizes">The sizes, constants or expressions.</param>
[AttributeUsage(AttributeTargets.Property, Inherited = false)]
public sealed class BufferAttribute(params object[] sizes) : Attribute
{
    /// <summary>The sizes.</summary>
    public object[] Sizes { get; } = sizes;

    /// <summary>
    /// The method of the class, without arguments, that computes the table: <c>nameof(Cosines)</c>. It runs while
    /// the model is built and again when weights are loaded into a model built on the meta device. Zeros if not given.
    /// </summary>
    public string? Init { get; set; }
}
