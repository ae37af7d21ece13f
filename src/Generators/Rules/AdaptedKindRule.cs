using Marrow.Generators.Declarations;
using Marrow.Generators.Diagnostics;
using Marrow.Generators.Resolution;

namespace Marrow.Generators.Rules;

/// <summary>
/// MRW106: an adapter on a convolution or an embedding is one that its method has, and an adapted embedding shares its
/// weight with no layer.
/// </summary>
internal static class AdaptedKindRule
{
    public static IEnumerable<Violation> Check(ModelCheck check) => OnLayers(check).Concat(OnShared(check));

    private static IEnumerable<Violation> OnLayers(ModelCheck check) =>
        from layer in check.Type.Layers
        from adapter in layer.Adapters
        where !adapter.Adapts(layer)
        select new Violation(
            DiagnosticIds.LayerOption,
            new Site.Attribute(layer.Property.Name, adapter.Attribute) { Index = adapter.Position },
            $"Layer '{layer.Property.LayerName}' cannot carry {adapter.Words}: outside linear layers there is plain "
                + "LoRA, on embeddings and on convolutions of one group");

    private static IEnumerable<Violation> OnShared(ModelCheck check)
    {
        var adapted = check.Layers
            .Where(layer => layer is { Spec: EmbeddingSpec, Adapter: not null })
            .GroupBy(layer => (TiedLayersRule.Around(layer), layer.Spec.Property.Name))
            .ToDictionary(group => group.Key, group => group.First());
        return
            from layer in check.Layers
            where layer.Spec is LinearSpec { Tie: not null, TieWhen.Value: true }
            let key = (TiedLayersRule.Around(layer), ((LinearSpec)layer.Spec).Tie!)
            where adapted.ContainsKey(key)
            let embedding = adapted[key]
            let site = SiteOf(check, embedding)
            where site is not null
            select new Violation(
                DiagnosticIds.LayerOption,
                site,
                $"'{embedding.Name}' cannot be adapted: layer '{layer.Name}' shares its weight");
    }

    private static Site? SiteOf(ModelCheck check, LayerInstance embedding)
    {
        var adapter = embedding.Adapter!;
        return check.SiteOf(embedding, "Targets") switch
        {
            null => null,
            var site when embedding.Spec.Adapters.Count == 0 => site,
            _ => new Site.Attribute(embedding.Spec.Property.Name, adapter.Attribute) { Index = adapter.Position },
        };
    }
}
