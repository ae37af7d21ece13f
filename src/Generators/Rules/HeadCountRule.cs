using Marrow.Generators.Diagnostics;
using Marrow.Generators.Specs;
using Marrow.Shared;

namespace Marrow.Generators.Rules;

/// <summary>MRW204: the heads of an attention divide its dimension.</summary>
internal static class HeadCountRule
{
    public static IEnumerable<Violation> Check(ModelCheck check)
    {
        var broken =
            from leaf in check.Leaves
            where leaf.Layer.Evaluated is AttentionSpec
            let attention = (AttentionSpec)leaf.Layer.Evaluated
            let declared = (AttentionSpec)leaf.Layer.Declared
            where attention is { Heads.Integer: not null, Dim.Integer: > 0 }
            let fault = AdapterSizes.HeadsDivide(leaf.Name, attention.Heads.Integer!.Value, attention.Dim.Integer!.Value)
            where fault is not null && (check.IsOurs(leaf, declared.Heads) || check.IsOurs(leaf, declared.Dim))
            select (leaf, fault);
        return broken
            .GroupBy(item => check.Blame(item.leaf, "heads", layer => Size((AttentionSpec)layer)))
            .Select(group => new Violation(
                DiagnosticIds.HeadCount, group.Key, ModelCheck.AndMore(group.First().fault, group.Count())));
    }

    /// <summary>The size to point at: the heads, or the dimension where the heads are a constant.</summary>
    private static SizeExpression Size(AttentionSpec attention) => attention.Heads.Names.Any() ? attention.Heads : attention.Dim;
}
