using Marrow.Generators.Declarations;
using Marrow.Generators.Resolution;

namespace Marrow.Generators.Rules;

/// <summary>MRW101 and MRW102: block sizes and ranks fit every layer that is adapted.</summary>
internal static class AdapterSizesRule
{
    public static IEnumerable<Violation> Check(ModelCheck check)
    {
        // Layers of equal sizes share one answer: there may be thousands, and finding the nearest divisors takes time.
        var errors = new Dictionary<object, SizeError?>();
        var broken =
            from layer in check.Layers
            let sizes = Sizes(layer)
            where sizes is not null
            let error = ErrorOn(layer, sizes.Value)
            where error is not null
            let written = check.SiteOf(layer, error.Option)
            let site = written ?? CauseOfSizes(check, layer)
            select (layer, error, site, isOurs: written is not null);
        foreach (var group in broken.GroupBy(item => (item.error.Id, item.site)))
        {
            var (layer, error, site, isOurs) = group.First();
            var fixes = !isOurs ? [] : error.Fixes.Count > 0 ? error.Fixes : Fixes(check, layer.Adapter!);
            yield return new(
                error.Id,
                site,
                ModelCheck.AndMore(Advised(check, layer, error, group.Count()), group.Count()),
                [.. fixes.Select(size => FormattableString.Invariant($"{size}"))]);
        }

        SizeError? ErrorOn(LayerInstance layer, (long In, long Out) sizes)
        {
            var key = (layer.Adapter, sizes, check.SiteOf(layer, layer.Adapter!.SizeOption));
            return errors.TryGetValue(key, out var known)
                ? known
                : errors[key] = layer.Adapter!.SizeErrorOn(layer.Name, sizes.In, sizes.Out);
        }
    }

    /// <summary>
    /// A layer of few outputs, a head, is better left out than the reason for small adapters everywhere.
    /// </summary>
    private static string Advised(ModelCheck check, LayerInstance layer, SizeError error, int broken)
    {
        var adapter = layer.Adapter!;
        var isSmall = Sizes(layer) is var (i, o)
            && adapter.Arguments.First(argument => argument.Name == error.Option).Value.Integer is { } size
            && size > Math.Min(i, o);
        if (!isSmall
            || !check.Type.Adapters.Any(adapter.IsSameAs)
            || check.Layers.Count(other => other.Adapter?.IsSameAs(adapter) == true) == broken)
        {
            return error.Message;
        }

        var end = error.Message.IndexOf("; nearest", StringComparison.Ordinal);
        return error.Message.Insert(end < 0 ? error.Message.Length : end, "; leave it out with Exclude"
            + (end < 0 ? $", or make {error.Option} smaller" : ""));
    }

    /// <summary>Positive sizes of an adapted layer; those that are not positive are reported as such.</summary>
    private static (long In, long Out)? Sizes(LayerInstance layer) =>
        layer is { Adapter: not null, Spec.Matrix: ({ } i, { } o) } && i > 0 && o > 0 ? (i, o) : null;

    /// <summary>The annotation stands elsewhere; what this class decides is the size.</summary>
    private static Site CauseOfSizes(ModelCheck check, LayerInstance layer) =>
        layer.Spec.Arguments
            .Where(argument => argument.What is not null)
            .Take(2)
            .Select(argument => check.FindCause(layer, argument.Name))
            .Aggregate((first, second) => first is Site.BaseArgument ? first : second);

    /// <summary>The nearest sizes that suit all layers that the adapter means, not only the first that fails.</summary>
    private static IReadOnlyList<long> Fixes(ModelCheck check, AdapterSpec adapter) => adapter.SizesThatFit(check.Layers
        .Where(layer => layer.Adapter?.IsSameAs(adapter) == true)
        .Select(Sizes)
        .OfType<(long, long)>());
}
