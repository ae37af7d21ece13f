namespace Marrow;

/// <summary>
/// A nested model, or a hand-written module: the property's type is built with these constructor arguments. With
/// <see cref="Count"/>, the property is a <c>ModuleList</c> of that many, and an argument may name the copy's number,
/// <c>index</c>, from 0: <c>"index % 2 == 0 ? 0 : window / 2"</c>.
/// </summary>
/// <param name="arguments">Constructor arguments, constants or expressions, in order.</param>
[AttributeUsage(AttributeTargets.Property, Inherited = false)]
public sealed class BlockAttribute(params object[] arguments) : Attribute
{
    /// <summary>Constructor arguments in order.</summary>
    public object[] Arguments { get; } = arguments;

    /// <summary>How many: a constant or an expression. Only on a <c>ModuleList</c>.</summary>
    public object? Count { get; set; }
}
