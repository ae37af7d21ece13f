namespace Marrow;

/// <summary>In training, zeroes each entry with probability p and scales the others by 1 / (1 − p).</summary>
/// <param name="p">The probability, 0 or more and below 1: a constant or an expression.</param>
[AttributeUsage(AttributeTargets.Property, Inherited = false)]
public sealed class DropoutAttribute(object p) : LayerAttribute
{
    /// <summary>The probability.</summary>
    public object P { get; } = p;
}
