namespace Marrow;

/// <summary>
/// A nested model, or a hand-written module: the property's type is built with these constructor arguments.
/// </summary>
/// <param name="arguments">Constructor arguments, constants or expressions, in order.</param>
[AttributeUsage(AttributeTargets.Property, Inherited = false)]
public sealed class BlockAttribute(params object[] arguments) : LayerAttribute
{
    /// <summary>Constructor arguments in order.</summary>
    public object[] Arguments { get; } = arguments;
}
