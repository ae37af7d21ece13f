using Marrow.Generators.Declarations;
using Marrow.Generators.Diagnostics;

namespace Marrow.Generators.Rules;

/// <summary>MRW106: options of a layer are in their range, and are given once.</summary>
internal static class LayerOptionsRule
{
    public static IEnumerable<Violation> Check(ModelCheck check) => AsWritten(check).Concat(OutOfRange(check));

    private static IEnumerable<Violation> AsWritten(ModelCheck check) =>
        from layer in check.Type.Layers
        from error in layer.Property.Errors
        select new Violation(
            DiagnosticIds.LayerOption,
            new Site.Argument(layer.Property.Name, layer.Property.Attribute, error.Argument),
            $"[{layer.Property.Attribute}] {error.Message}");

    private static IEnumerable<Violation> OutOfRange(ModelCheck check)
    {
        var broken =
            from layer in check.Layers
            from error in layer.Spec.RangeErrors(layer.Name)
            where check.IsOurs(layer, error.Argument) || HasNamesBeside(layer.Layer.Declared)
            select (layer, error);
        return broken
            .GroupBy(item => check.FindCause(item.layer, item.error.Argument))
            .Select(group => new Violation(
                group.First().error.Id,
                group.Key,
                ModelCheck.AndMore(group.First().error.Message, group.Count())));
    }

    /// <summary>A range can depend on another argument (groups on channels), which this class decides.</summary>
    private static bool HasNamesBeside(LayerSpec declared) =>
        declared.Arguments.Any(argument => argument.Value.Names.Any());
}
