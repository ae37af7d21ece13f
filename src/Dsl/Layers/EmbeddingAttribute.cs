namespace Marrow;

/// <summary>A table of vectors looked up by id: weight [count, dim].</summary>
/// <param name="count">Number of ids.</param>
/// <param name="dim">Length of a vector.</param>
[AttributeUsage(AttributeTargets.Property, Inherited = false)]
public sealed class EmbeddingAttribute(object count, object dim) : Attribute
{
    /// <summary>Number of ids.</summary>
    public object Count { get; } = count;

    /// <summary>Length of a vector.</summary>
    public object Dim { get; } = dim;
}
