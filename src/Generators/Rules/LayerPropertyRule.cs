using Marrow.Generators.Diagnostics;

namespace Marrow.Generators.Rules;

/// <summary>MRW002: a layer is a public or protected, partial, get-only property of the layer's type.</summary>
internal static class LayerPropertyRule
{
    public static IEnumerable<Violation> Check(ModelCheck check) =>
        from layer in check.Type.Layers
        where layer.Property.Error is not null
        select new Violation(
            DiagnosticIds.LayerPropertyShape,
            new Site.Property(layer.Property.Name),
            $"[{layer.Property.Attribute}] property '{layer.Property.Name}' {layer.Property.Error}");
}
