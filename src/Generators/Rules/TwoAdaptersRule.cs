using Marrow.Generators.Diagnostics;

namespace Marrow.Generators.Rules;

/// <summary>MRW103: a layer has one adapter. Its own wins over a class's, but two on one level are a mistake.</summary>
internal static class TwoAdaptersRule
{
    public static IEnumerable<Violation> Check(ModelCheck check) => OnProperties(check).Concat(OnClasses(check));

    private static IEnumerable<Violation> OnProperties(ModelCheck check) =>
        from layer in check.Type.Layers
        where layer.Adapters.Count > 1
        select new Violation(
            DiagnosticIds.TwoAdapters,
            new Site.Attribute(layer.Property.Name, layer.Adapters[1].Attribute) { Index = layer.Adapters[1].Position },
            $"Layer '{layer.Property.LayerName}' carries both [{layer.Adapters[0].Attribute}] and "
                + $"[{layer.Adapters[1].Attribute}]; keep one");

    private static IEnumerable<Violation> OnClasses(ModelCheck check)
    {
        var doubled =
            from layer in check.Layers
            where layer.Spec.Adapters.Count == 0
            let adapters = layer.Placement.Adapters.Where(layer.Targets).ToList()
            where adapters.Count > 1 && adapters.Any(placed => ReferenceEquals(placed.Owner, check.Type))
            select (layer, adapters);
        var all = doubled.ToList();
        if (all.Count == 0)
        {
            yield break;
        }

        var (first, pair) = all[0];
        var own = pair.Last(placed => ReferenceEquals(placed.Owner, check.Type));
        var other = pair.First(placed => !ReferenceEquals(placed.Annotation, own.Annotation));
        var where = ReferenceEquals(other.Owner, check.Type) ? "" : $" of '{other.Owner.Name}'";
        yield return new(
            DiagnosticIds.TwoAdapters,
            new Site.Attribute(null, own.Annotation.Attribute) { Index = own.Annotation.Position },
            ModelCheck.AndMore(
                $"Layer '{first.Name}' is targeted by both [{other.Annotation.Attribute}]{where} and "
                    + $"[{own.Annotation.Attribute}]; narrow one's Targets",
                all.Count));
    }
}
