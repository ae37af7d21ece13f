using Marrow.Generators.Declarations;
using Marrow.Generators.Diagnostics;
using Marrow.Generators.Sizes;
using Marrow.Shared;

namespace Marrow.Generators.Rules;

/// <summary>MRW204: the heads of an attention divide its dimension.</summary>
internal static class HeadCountRule
{
    public static IEnumerable<Violation> Check(ModelCheck check)
    {
        var broken =
            from layer in check.Layers
            where layer.Spec is AttentionSpec { Heads.Integer: > 0, Dim.Integer: > 0 }
            let attention = (AttentionSpec)layer.Spec
            where attention.Dim.Integer % attention.Heads.Integer != 0
                && (check.IsOurs(layer, "heads") || check.IsOurs(layer, "dim"))
            select (layer, attention);
        return broken
            .GroupBy(item => check.FindCause(item.layer, "heads", layer => Size((AttentionSpec)layer)))
            .Select(group => new Violation(
                DiagnosticIds.HeadCount,
                group.Key,
                ModelCheck.AndMore(
                    AdapterSizes.HeadsDivide(
                        group.First().layer.Name,
                        group.First().attention.Heads.Integer!.Value,
                        group.First().attention.Dim.Integer!.Value)!,
                    group.Count())));
    }

    /// <summary>The size to point at: the heads, or the dimension where the heads are a constant.</summary>
    private static SizeExpression Size(AttentionSpec attention) =>
        attention.Heads.Names.Any() ? attention.Heads : attention.Dim;
}
