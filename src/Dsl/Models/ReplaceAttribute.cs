namespace Marrow;

/// <summary>
/// Puts one block in the place of another, wherever it is in the model: with
/// <c>[Replace(typeof(DecoderAttention), typeof(NearAttention))]</c> a class that derives from Llama is Llama with
/// another attention. The replacement derives from what it replaces and takes the same constructor arguments.
/// </summary>
/// <param name="block">The block's type, as the architecture declares it.</param>
/// <param name="replacement">The type that is made instead.</param>
[AttributeUsage(AttributeTargets.Class, Inherited = false, AllowMultiple = true)]
public sealed class ReplaceAttribute(Type block, Type replacement) : Attribute
{
    /// <summary>The block's type.</summary>
    public Type Block { get; } = block;

    /// <summary>The type that is made instead.</summary>
    public Type Replacement { get; } = replacement;
}
