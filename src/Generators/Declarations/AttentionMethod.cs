namespace Marrow.Generators.Declarations;

/// <summary>A method that quantizes attention. There is one object of each.</summary>
internal abstract class AttentionMethod
{
    /// <summary>
    /// The attribute that asks for it beside [Quantize], without suffix; null for the method without one.
    /// </summary>
    public abstract string? Attribute { get; }

    /// <summary>What it does, in words.</summary>
    public abstract string Words { get; }

    /// <summary>The layer class of the runtime.</summary>
    public abstract string LayerType { get; }

    /// <summary>Whether it has something to do where activations are not quantized.</summary>
    public virtual bool NeedsNoActivations => false;

    /// <summary>Whether it takes the place of the layer that makes queries, keys and values.</summary>
    public virtual bool ReplacesQkv => false;

    /// <summary>Whether it takes <c>Bfloat16Backward</c>.</summary>
    public virtual bool HasBfloat16Backward => false;

    /// <summary>Shape and parameters of what takes the place of <c>qkv</c>, and what its quantizer is called.</summary>
    /// <exception cref="OverflowException">There are more than a 64-bit integer holds.</exception>
    public virtual (
        string Shape, long? Parameters, string Quantizer) Qkv(QuantizeSpec quantizer, AttentionSpec attention) =>
        throw new NotSupportedException($"{Words} does not replace qkv.");

    /// <summary>Numbers of steps and shifts that it learns; null if a size is known only at run time.</summary>
    /// <exception cref="OverflowException">There are more than a 64-bit integer holds.</exception>
    public abstract long? StepCount(AttentionSpec attention);
}
