namespace Marrow;

/// <summary>Root mean square normalization over the last dimension, <c>x / sqrt(mean x² + eps) · w</c>.</summary>
/// <param name="dim">Length of the last dimension.</param>
[AttributeUsage(AttributeTargets.Property, Inherited = false)]
public sealed class RmsNormAttribute(object dim) : LayerAttribute
{
    /// <summary>Length of the last dimension.</summary>
    public object Dim { get; } = dim;

    /// <summary>Added to the mean square: a constant or an expression. 1e-6 if not given.</summary>
    public object Eps { get; set; } = 1e-6;

    /// <summary>
    /// Whether w is stored less one, and so starts as zeros: <c>x / sqrt(mean x² + eps) · (1 + w)</c>, as in Gemma. A
    /// constant or an expression; false if not given.
    /// </summary>
    public object ZeroCentered { get; set; } = false;
}

/// <summary>Layer normalization over the last dimension, <c>(x − mean) / sqrt(var + eps) · w + b</c>.</summary>
/// <param name="dim">Length of the last dimension.</param>
[AttributeUsage(AttributeTargets.Property, Inherited = false)]
public sealed class LayerNormAttribute(object dim) : LayerAttribute
{
    /// <summary>Length of the last dimension.</summary>
    public object Dim { get; } = dim;

    /// <summary>Added to the variance: a constant or an expression. 1e-5 if not given.</summary>
    public object Eps { get; set; } = 1e-5;

    /// <summary>Whether a bias is added: a constant or an expression. True if not given.</summary>
    public object Bias { get; set; } = true;
}
