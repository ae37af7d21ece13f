namespace Marrow;

/// <summary>
/// Multi-head self-attention with the names of timm: <c>qkv</c> makes queries, keys and values at once, <c>proj</c>
/// leads back. x is [batch, tokens, dim]; with <see cref="Window"/> it is [batch, height, width, dim] and attention
/// stays inside windows (Swin, arXiv 2103.14030).
/// </summary>
/// <param name="dim">Width of the input and output.</param>
/// <param name="heads">Number of heads; divides <paramref name="dim"/>.</param>
[AttributeUsage(AttributeTargets.Property, Inherited = false)]
public sealed class AttentionAttribute(object dim, object heads) : LayerAttribute
{
    /// <summary>Width of the input and output.</summary>
    public object Dim { get; } = dim;

    /// <summary>Number of heads.</summary>
    public object Heads { get; } = heads;

    /// <summary>Whether <c>qkv</c> has a bias: a constant or an expression. True if not given.</summary>
    public object QkvBias { get; set; } = true;

    /// <summary>
    /// Edge of a window, with a learned bias for each relative position; 0 for attention over everything.
    /// </summary>
    public object Window { get; set; } = 0;

    /// <summary>By how much the windows are shifted. 0 if not given.</summary>
    public object Shift { get; set; } = 0;

    /// <summary>
    /// Number of tokens, which quantizers of activations need: they learn one step for each. With a window it is known.
    /// </summary>
    public object? Tokens { get; set; }
}
