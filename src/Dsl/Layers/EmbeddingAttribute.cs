namespace Marrow;

/// <summary>A table of vectors looked up by id: weight [rows, dim].</summary>
/// <param name="rows">Number of ids.</param>
/// <param name="dim">Length of a vector.</param>
[AttributeUsage(AttributeTargets.Property, Inherited = false)]
public sealed class EmbeddingAttribute(object rows, object dim) : LayerAttribute
{
    /// <summary>Number of ids.</summary>
    public object Rows { get; } = rows;

    /// <summary>Length of a vector.</summary>
    public object Dim { get; } = dim;
}
