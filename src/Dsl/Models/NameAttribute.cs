namespace Marrow;

/// <summary>
/// The layer's name in checkpoints, relative to its model, where the snake_case of the property's name would not
/// do: <c>[Name("attn.qkv")]</c>. Dots are allowed.
/// </summary>
/// <param name="name">The name, without <c>.weight</c>.</param>
[AttributeUsage(AttributeTargets.Property, Inherited = false)]
public sealed class NameAttribute(string name) : Attribute
{
    /// <summary>The name as given.</summary>
    public string Name { get; } = name;
}
