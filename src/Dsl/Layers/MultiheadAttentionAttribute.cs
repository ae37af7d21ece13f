namespace Marrow;

/// <summary>
/// Attention with queries, keys and values of their own, [tokens, batch, dim]: TorchSharp's <c>MultiheadAttention</c>.
/// </summary>
/// <param name="dim">Width of the input and output.</param>
/// <param name="heads">Number of heads; divides the width.</param>
[AttributeUsage(AttributeTargets.Property, Inherited = false)]
public sealed class MultiheadAttentionAttribute(object dim, object heads) : LayerAttribute
{
    /// <summary>Width of the input and output.</summary>
    public object Dim { get; } = dim;

    /// <summary>Number of heads; divides the width.</summary>
    public object Heads { get; } = heads;

    /// <summary>Dropout on the weights, in training. 0 if not given.</summary>
    public object Dropout { get; set; } = 0.0;

    /// <summary>Whether biases are added. True if not given.</summary>
    public object Bias { get; set; } = true;
}
