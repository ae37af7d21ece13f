namespace Marrow;

/// <summary>A trainable tensor of the given sizes, on a property of type <c>Tensor</c>.</summary>
/// <param name="sizes">The sizes, constants or expressions.</param>
[AttributeUsage(AttributeTargets.Property, Inherited = false)]
public sealed class ParameterAttribute(params object[] sizes) : LayerAttribute
{
    /// <summary>The sizes.</summary>
    public object[] Sizes { get; } = sizes;

    /// <summary>What the tensor starts with. Zeros if not given.</summary>
    public ParameterInit Init { get; set; }

    /// <summary>
    /// With <see cref="ParameterInit.Normal"/>: the standard deviation, a constant or an expression
    /// (<c>"0.02 / Math.Sqrt(2 * depth)"</c>). 0.02 if not given.
    /// </summary>
    public object Std { get; set; } = 0.02;
}

/// <summary>
/// What a tensor or a layer's weight starts with, drawn from torch's random numbers (<c>manual_seed</c>). fan_in is the
/// product of all sizes but the first, fan_out that of all but the second.
/// </summary>
public enum ParameterInit
{
    /// <summary>All zero.</summary>
    Zeros,

    /// <summary>All one.</summary>
    Ones,

    /// <summary>Normal with mean zero and the standard deviation <c>Std</c>.</summary>
    Normal,

    /// <summary>Uniform in ±sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio, 2010).</summary>
    XavierUniform,

    /// <summary>Normal with the variance 2 / (fan_in + fan_out) (Glorot and Bengio, 2010).</summary>
    XavierNormal,

    /// <summary>Uniform in ±sqrt(6 / fan_in), for layers before a ReLU (arXiv 1502.01852).</summary>
    KaimingUniform,

    /// <summary>Normal with the variance 2 / fan_in, for layers before a ReLU (arXiv 1502.01852).</summary>
    KaimingNormal,
}
