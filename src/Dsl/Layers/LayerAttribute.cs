namespace Marrow;

/// <summary>What every layer's attribute can say, whatever the layer.</summary>
public abstract class LayerAttribute : Attribute
{
    /// <summary>
    /// How many copies: a constant or an expression, 0 or more. Then the property is a <c>ModuleList</c> of the layer's
    /// type, and the other arguments may name the copy's number, <c>index</c>, from 0:
    /// <c>"index % 2 == 0 ? 0 : window / 2"</c>.
    /// </summary>
    public object? Count { get; set; }

    /// <summary>
    /// Whether there is such a layer: a constant or an expression, <c>nameof(gated)</c>. Then the property is nullable,
    /// and null where the layer is left out.
    /// </summary>
    public object? When { get; set; }
}
