namespace Marrow;

/// <summary>
/// Normalization of each example and channel over [batch, features, length]: TorchSharp's <c>InstanceNorm1d</c>.
/// </summary>
/// <param name="features">Number of features or channels.</param>
[AttributeUsage(AttributeTargets.Property, Inherited = false)]
public sealed class InstanceNorm1dAttribute(object features) : LayerAttribute
{
    /// <summary>Number of features or channels.</summary>
    public object Features { get; } = features;

    /// <summary>Added to the variance. 1e-5 if not given.</summary>
    public object Eps { get; set; } = 1e-5;

    /// <summary>Weight of the newest batch in the running statistics. 0.1 if not given.</summary>
    public object Momentum { get; set; } = 0.1;

    /// <summary>Whether a scale and a shift are learned. False if not given.</summary>
    public object Affine { get; set; } = false;

    /// <summary>Whether running statistics are kept, for evaluation. False if not given.</summary>
    public object TrackRunningStats { get; set; } = false;
}

/// <summary>
/// Normalization of each image and channel over [batch, features, height, width]: TorchSharp's <c>InstanceNorm2d</c>.
/// </summary>
/// <param name="features">Number of features or channels.</param>
[AttributeUsage(AttributeTargets.Property, Inherited = false)]
public sealed class InstanceNorm2dAttribute(object features) : LayerAttribute
{
    /// <summary>Number of features or channels.</summary>
    public object Features { get; } = features;

    /// <summary>Added to the variance. 1e-5 if not given.</summary>
    public object Eps { get; set; } = 1e-5;

    /// <summary>Weight of the newest batch in the running statistics. 0.1 if not given.</summary>
    public object Momentum { get; set; } = 0.1;

    /// <summary>Whether a scale and a shift are learned. False if not given.</summary>
    public object Affine { get; set; } = false;

    /// <summary>Whether running statistics are kept, for evaluation. False if not given.</summary>
    public object TrackRunningStats { get; set; } = false;
}
