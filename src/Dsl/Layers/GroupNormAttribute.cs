namespace Marrow;

/// <summary>
/// Normalization over groups of channels of [batch, channels, …]: TorchSharp's <c>GroupNorm</c>.
/// </summary>
/// <param name="groups">Number of groups; divides the channels.</param>
/// <param name="channels">Number of channels.</param>
[AttributeUsage(AttributeTargets.Property, Inherited = false)]
public sealed class GroupNormAttribute(object groups, object channels) : LayerAttribute
{
    /// <summary>Number of groups; divides the channels.</summary>
    public object Groups { get; } = groups;

    /// <summary>Number of channels.</summary>
    public object Channels { get; } = channels;

    /// <summary>Added to the variance. 1e-5 if not given.</summary>
    public object Eps { get; set; } = 1e-5;

    /// <summary>Whether a scale and a shift are learned. True if not given.</summary>
    public object Affine { get; set; } = true;
}
