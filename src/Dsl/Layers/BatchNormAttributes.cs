namespace Marrow;

/// <summary>
/// Batch normalization of [batch, features] or [batch, features, length]: TorchSharp's <c>BatchNorm1d</c>.
/// </summary>
/// <param name="features">Number of features or channels.</param>
[AttributeUsage(AttributeTargets.Property, Inherited = false)]
public sealed class BatchNorm1dAttribute(object features) : LayerAttribute
{
    /// <summary>Number of features or channels.</summary>
    public object Features { get; } = features;

    /// <summary>Added to the variance. 1e-5 if not given.</summary>
    public object Eps { get; set; } = 1e-5;

    /// <summary>Weight of the newest batch in the running statistics. 0.1 if not given.</summary>
    public object Momentum { get; set; } = 0.1;

    /// <summary>Whether a scale and a shift are learned. True if not given.</summary>
    public object Affine { get; set; } = true;

    /// <summary>Whether running statistics are kept, for evaluation. True if not given.</summary>
    public object TrackRunningStats { get; set; } = true;
}

/// <summary>Batch normalization of [batch, features, height, width]: TorchSharp's <c>BatchNorm2d</c>.</summary>
/// <param name="features">Number of features or channels.</param>
[AttributeUsage(AttributeTargets.Property, Inherited = false)]
public sealed class BatchNorm2dAttribute(object features) : LayerAttribute
{
    /// <summary>Number of features or channels.</summary>
    public object Features { get; } = features;

    /// <summary>Added to the variance. 1e-5 if not given.</summary>
    public object Eps { get; set; } = 1e-5;

    /// <summary>Weight of the newest batch in the running statistics. 0.1 if not given.</summary>
    public object Momentum { get; set; } = 0.1;

    /// <summary>Whether a scale and a shift are learned. True if not given.</summary>
    public object Affine { get; set; } = true;

    /// <summary>Whether running statistics are kept, for evaluation. True if not given.</summary>
    public object TrackRunningStats { get; set; } = true;
}
