using Marrow.Generators.Diagnostics;
using Marrow.Generators.Planning;
using Marrow.Generators.Specs;

namespace Marrow.Generators.Rules;

/// <summary>MRW105: an adapter has fewer parameters than the layer it adapts.</summary>
internal static class AdapterTooLargeRule
{
    public static IEnumerable<Violation> Check(ModelCheck check)
    {
        var wasteful =
            from leaf in check.Leaves
            let layer = leaf.Layer.Evaluated as LinearSpec
            let adapter = leaf.Adapter
            where adapter is not null && AdapterSizesAreSound(layer, adapter)
            let own = ParameterCount.Of(adapter, layer)
            let whole = layer.In.Integer * layer.Out.Integer
            where own >= whole
            let site = Site(check, leaf, layer, adapter)
            where site is not null
            select (leaf, site, own, whole, adapter);
        return wasteful
            .GroupBy(item => item.site)
            .Select(group => new Violation(
                DiagnosticIds.AdapterTooLarge,
                group.Key!,
                ModelCheck.AndMore(
                    FormattableString.Invariant($"[{group.First().adapter.Attribute}] adds {group.First().own} parameters to layer '{group.First().leaf.Name}', whose weight has {group.First().whole}; train the layer itself or make the adapter smaller"),
                    group.Count())));
    }

    private static bool AdapterSizesAreSound(LinearSpec layer, AdapterSpec adapter) =>
        layer is { In.Integer: > 0, Out.Integer: > 0 } && adapter.Sizes.All(pair => pair.Size.Integer is >= 0 || pair.Option == "Alpha")
        && (adapter is not LoraSpec { Rank.Integer: { } rank } || rank <= Math.Min(layer.In.Integer!.Value, layer.Out.Integer!.Value));

    private static Site? Site(ModelCheck check, Leaf leaf, LinearSpec layer, AdapterSpec adapter)
    {
        var option = adapter is LoraSpec ? "Rank" : "BlockSize";
        return layer.Adapters.Count > 0
            ? check.IsOwn(leaf) ? new Site.Argument(layer.Property.Name, adapter.Attribute, option) : null
            : leaf.ClassAdapters.Any(pair => ReferenceEquals(pair.Annotation, adapter) && ReferenceEquals(pair.Owner, check.Type))
                ? new Site.Argument(null, adapter.Attribute, option)
                : null;
    }
}
