using Marrow.Generators.Diagnostics;
using Marrow.Shared;

namespace Marrow.Generators.Rules;

/// <summary>MRW004: sizes are positive.</summary>
internal static class PositiveSizesRule
{
    public static IEnumerable<Violation> Check(ModelCheck check)
    {
        var broken =
            from layer in check.Layers
            from argument in layer.Spec.Arguments
            where argument.What is not null && argument.Value.Integer < 1 && check.IsOurs(layer, argument.Name)
            select (layer, argument);
        return broken
            .GroupBy(item => check.FindCause(item.layer, item.argument.Name))
            .Select(group => new Violation(
                DiagnosticIds.SizeNotPositive,
                group.Key,
                ModelCheck.AndMore(
                    AdapterSizes.Positive(
                        group.First().layer.Name,
                        Capital(group.First().argument.What!),
                        group.First().argument.Value.Integer!.Value)!,
                    group.Count())))
            .Concat(Counts(check));
    }

    /// <summary>Counts of copies, which may be 0.</summary>
    private static IEnumerable<Violation> Counts(ModelCheck check) =>
        from layer in check.Plan.Layers
        where layer.Evaluated.Count?.Integer < 0
        let property = layer.Evaluated.Property
        let parameter = layer.Declared.Count!.Names.FirstOrDefault()
        select new Violation(
            DiagnosticIds.SizeNotPositive,
            ReferenceEquals(layer.Owner, check.Type)
                ? new Site.Argument(property.Name, property.Attribute, "Count")
                : parameter is null ? new Site.Class() : new Site.BaseArgument(parameter),
            AdapterSizes.NotNegative(property.LayerName, "Count", property.Count!.Integer!.Value)!);

    private static string Capital(string text) => char.ToUpperInvariant(text[0]) + text.Substring(1);
}
