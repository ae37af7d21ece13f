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

    /// <summary>With <see cref="ParameterInit.Normal"/>: the standard deviation. 0.02 if not given.</summary>
    public double Std { get; set; } = 0.02;
}

/// <summary>What a <see cref="ParameterAttribute"/> tensor starts with.</summary>
public enum ParameterInit
{
    /// <summary>All zero.</summary>
    Zeros,

    /// <summary>All one.</summary>
    Ones,

    /// <summary>Normal with mean zero.</summary>
    Normal,
}
