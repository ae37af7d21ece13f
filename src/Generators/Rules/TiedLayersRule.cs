using Marrow.Generators.Declarations;
using Marrow.Generators.Diagnostics;
using Marrow.Generators.Resolution;

namespace Marrow.Generators.Rules;

/// <summary>MRW106 for Tie: the embedding is there before the layer, and has the layer's sizes turned around.</summary>
internal static class TiedLayersRule
{
    public static IEnumerable<Violation> Check(ModelCheck check) => Order(check.Type).Concat(Sizes(check));

    /// <summary>Layers are made in the order of their declaration, those of bases first.</summary>
    private static IEnumerable<Violation> Order(ClassSpec type)
    {
        var names = type.Layers.Select(layer => layer.Property.Name).ToList();
        return
            from layer in type.Layers.OfType<LinearSpec>()
            where layer.Tie is not null && layer.TieWhen.Value is not false
                && names.IndexOf(layer.Tie) > names.IndexOf(layer.Property.Name)
            select new Violation(
                DiagnosticIds.LayerOption,
                new Site.Argument(layer.Property.Name, layer.Property.Attribute, "Tie"),
                $"Layer '{layer.Property.LayerName}' shares the weight of '{layer.Tie}', which is declared after it; "
                    + $"declare '{layer.Tie}' first");
    }

    private static IEnumerable<Violation> Sizes(ModelCheck check)
    {
        var embeddings = check.Layers
            .Where(layer => layer.Spec is EmbeddingSpec)
            .GroupBy(layer => (Around(layer), layer.Spec.Property.Name))
            .ToDictionary(group => group.Key, group => (EmbeddingSpec)group.First().Spec);
        var broken =
            from layer in check.Layers
            where layer.Spec is LinearSpec { Tie: not null, TieWhen.Value: true }
            let linear = (LinearSpec)layer.Spec
            let embedding = embeddings.TryGetValue((Around(layer), linear.Tie!), out var found) ? found : null
            where embedding is not null
            let option = Differ(linear.In.Integer, embedding.Dim.Integer) ? "inFeatures"
                : Differ(linear.Out.Integer, embedding.Rows.Integer) ? "outFeatures" : null
            where option is not null
                && (check.IsOurs(layer, "inFeatures") || check.IsOurs(layer, "outFeatures") || HasNames(embedding))
            select (layer, linear, embedding, option);
        return broken
            .GroupBy(item => check.FindCause(item.layer, item.option))
            .Select(group => new Violation(
                DiagnosticIds.LayerOption,
                group.Key,
                ModelCheck.AndMore(
                    $"Layer '{group.First().layer.Name}' is {group.First().linear.In} → {group.First().linear.Out}, "
                        + $"but the weight that it shares, '{group.First().linear.Tie}', is "
                        + $"{group.First().embedding.Rows} × {group.First().embedding.Dim}",
                    group.Count())));
    }

    private static bool Differ(long? one, long? other) => one is not null && other is not null && one != other;

    private static bool HasNames(EmbeddingSpec embedding) =>
        embedding.Arguments.Any(argument => argument.Value.Names.Any());

    /// <summary>The name of the model that a layer lies in.</summary>
    public static string Around(LayerInstance layer) =>
        layer.Name.Substring(0, layer.Name.Length - layer.Spec.Property.LayerName.Length);
}
