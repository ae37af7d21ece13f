using Marrow.Generators.Diagnostics;
using Marrow.Generators.Resolution;

namespace Marrow.Generators.Rules;

/// <summary>MRW105: an adapter has fewer parameters than the layer it adapts.</summary>
internal static class AdapterTooLargeRule
{
    public static IEnumerable<Violation> Check(ModelCheck check)
    {
        var wasteful =
            from layer in check.Layers
            let counts = Counts(layer)
            where counts is { Own: > 0, Whole: > 0 } && counts.Value.Own >= counts.Value.Whole
            let site = check.SiteOf(layer, layer.Adapter!.SizeOption)
            where site is not null
            select (layer, site, counts.Value.Own, counts.Value.Whole);
        return wasteful
            .GroupBy(item => item.site)
            .Select(group => new Violation(
                DiagnosticIds.AdapterTooLarge,
                group.Key,
                ModelCheck.AndMore(
                    Message(group.First().layer, group.First().Own, group.First().Whole), group.Count())));
    }

    private static string Message(LayerInstance layer, long own, long whole) => FormattableString.Invariant(
        $"[{layer.Adapter!.Attribute}] adds {own} parameters to layer '{layer.Name}', whose weight has {whole}; ")
            + "train the layer itself or make the adapter smaller";

    /// <summary>Parameters of a layer's adapter and of its weight, where the adapter's sizes are right.</summary>
    private static (long Own, long Whole)? Counts(LayerInstance layer)
    {
        try
        {
            return layer is { Adapter: { } adapter, Spec.Matrix: ({ } i, { } o) } && i > 0 && o > 0
                && adapter.SizeErrorOn(layer.Name, i, o) is null
                && adapter.ParameterCount(i, o) is { } own ? (own, checked(i * o)) : null;
        }
        catch (OverflowException)
        {
            return null; // reported by ParameterCountRule
        }
    }
}
