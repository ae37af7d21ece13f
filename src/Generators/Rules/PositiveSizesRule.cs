using Marrow.Generators.Diagnostics;
using Marrow.Generators.Specs;
using Marrow.Shared;

namespace Marrow.Generators.Rules;

/// <summary>MRW004: sizes are positive.</summary>
internal static class PositiveSizesRule
{
    public static IEnumerable<Violation> Check(ModelCheck check)
    {
        var broken =
            from leaf in check.Leaves
            from size in leaf.Layer.Evaluated.Sizes
            let declared = Size(leaf.Layer.Declared, size.Argument)
            where size.Size.Integer < 1 && check.IsOurs(leaf, declared)
            select (leaf, size.What, size.Argument, Value: size.Size.Integer!.Value);
        return broken
            .GroupBy(item => check.Blame(item.leaf, item.Argument, layer => Size(layer, item.Argument)))
            .Select(group => new Violation(
                DiagnosticIds.SizeNotPositive,
                group.Key,
                ModelCheck.AndMore(
                    AdapterSizes.Positive(group.First().leaf.Name, Capital(group.First().What), group.First().Value)!,
                    group.Count())))
            .Concat(Counts(check));
    }

    private static SizeExpression Size(LayerSpec layer, string argument) =>
        layer.Sizes.First(size => size.Argument == argument).Size;

    /// <summary>Counts of blocks, which are not leaves.</summary>
    private static IEnumerable<Violation> Counts(ModelCheck check) =>
        from layer in check.Plan.Layers
        where layer is { Evaluated: BlockSpec { Count.Integer: < 1 }, Block: not null }
        let block = (BlockSpec)layer.Evaluated
        let parameter = ((BlockSpec)layer.Declared).Count!.Names.FirstOrDefault()
        select new Violation(
            DiagnosticIds.SizeNotPositive,
            ReferenceEquals(layer.Owner, check.Type)
                ? new Site.Argument(block.Property.Name, "Block", "Count")
                : parameter is null ? new Site.Class() : new Site.BaseArgument(parameter),
            AdapterSizes.Positive(block.Property.LayerName, "Count", block.Count!.Integer!.Value)!);

    private static string Capital(string text) => char.ToUpperInvariant(text[0]) + text.Substring(1);
}
