namespace Marrow;

/// <summary>
/// A linear layer, <c>y = x Wᵀ + b</c> with W [out, in]. Sizes are constants, or strings over the constructor's
/// parameters and the class's public or protected constants: <c>nameof(hidden)</c>, <c>"4 * hidden"</c>.
/// </summary>
/// <param name="inFeatures">Features of the input.</param>
/// <param name="outFeatures">Features of the output.</param>
[AttributeUsage(AttributeTargets.Property, Inherited = false)]
public sealed class LinearAttribute(object inFeatures, object outFeatures) : LayerAttribute
{
    /// <summary>Features of the input.</summary>
    public object InFeatures { get; } = inFeatures;

    /// <summary>Features of the output.</summary>
    public object OutFeatures { get; } = outFeatures;

    /// <summary>Whether a bias is added: a constant or an expression. True if not given.</summary>
    public object Bias { get; set; } = true;

    /// <summary>
    /// The embedding property whose weight this layer shares, as output heads do: <c>nameof(Tokens)</c>.
    /// </summary>
    public string? Tie { get; set; }

    /// <summary>With <see cref="Tie"/>: the condition under which the weight is shared. Always if not given.</summary>
    public object TieWhen { get; set; } = true;

    /// <summary>
    /// Number of positions (tokens) of the input [..., tokens, in], for which a quantizer of activations learns one
    /// step each. A single step for all if not given.
    /// </summary>
    public object? Tokens { get; set; }

    /// <summary>
    /// Whether the input is mostly positive, as after a GELU or ReLU: quantizers of activations then use unsigned
    /// levels.
    /// </summary>
    public bool PositiveInput { get; set; }

    /// <summary>
    /// What the weight starts with; a bias starts with zeros then. PyTorch's own values for the layer if not given.
    /// </summary>
    public ParameterInit Init { get; set; }

    /// <summary>
    /// With <see cref="ParameterInit.Normal"/>: the standard deviation, a constant or an expression
    /// (<c>"0.02 / Math.Sqrt(2 * depth)"</c>). 0.02 if not given.
    /// </summary>
    public object Std { get; set; } = 0.02;
}
