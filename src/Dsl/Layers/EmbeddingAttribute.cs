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

    /// <summary>
    /// An id whose vector starts as zeros and is not trained: a constant or an expression. None if not given.
    /// </summary>
    public object? PaddingIndex { get; set; }

    /// <summary>
    /// What the weight starts with. Normal with the deviation 1, as in PyTorch, if not given.
    /// </summary>
    public ParameterInit Init { get; set; }

    /// <summary>
    /// With <see cref="ParameterInit.Normal"/>: the standard deviation, a constant or an expression
    /// (<c>"0.02 / Math.Sqrt(2 * depth)"</c>). 0.02 if not given.
    /// </summary>
    public object Std { get; set; } = 0.02;
}
