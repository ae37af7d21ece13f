namespace Marrow;

/// <summary>
/// A table that is not trained, on a property of type <c>Tensor</c>: computed and not saved (rotary angles, masks), or
/// persistent, and then part of checkpoints (running averages).
/// </summary>
/// <param name="sizes">The sizes, constants or expressions.</param>
[AttributeUsage(AttributeTargets.Property, Inherited = false)]
public sealed class BufferAttribute(params object[] sizes) : LayerAttribute
{
    /// <summary>The sizes.</summary>
    public object[] Sizes { get; } = sizes;

    /// <summary>
    /// The method of the class, without arguments, that computes the table: <c>nameof(Cosines)</c>. It runs while
    /// the model is built and again when weights are loaded into a model built on the meta device. Zeros if not given.
    /// </summary>
    public string? Init { get; set; }

    /// <summary>
    /// Whether the table is part of the model's state: <see cref="Init"/> gives its first value, checkpoints its later
    /// ones. False if not given: it is computed again wherever the model goes.
    /// </summary>
    public bool Persistent { get; set; }
}
