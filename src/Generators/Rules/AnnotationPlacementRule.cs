using Marrow.Generators.Declarations;
using Marrow.Generators.Diagnostics;

namespace Marrow.Generators.Rules;

/// <summary>MRW006: adapters and quantizers go on models, and on one class of a line of derivation.</summary>
internal static class AnnotationPlacementRule
{
    public static IEnumerable<Violation> Check(ModelCheck check)
    {
        var (type, carried) = (check.Type, Carried(check.Type).ToList());
        if (!type.IsModel)
        {
            var others = (type.Recomputes ? ["Recompute"] : Array.Empty<string>()).Concat(type.Mapping?.Attributes ?? []);
            return carried.Concat(others).Select(attribute => new Violation(
                DiagnosticIds.AdapterPlacement,
                new Site.Attribute(null, attribute),
                $"[{attribute}] on '{type.Name}', which derives from no model; derive from one or add [Model]"));
        }

        return check.Closure.Lineage(type).Skip(1).FirstOrDefault(
            ancestor => ancestor.Annotations.Any()) is { } annotated
            ? carried.Select(attribute => new Violation(
                DiagnosticIds.AdapterPlacement,
                new Site.Attribute(null, attribute),
                $"[{attribute}] on '{type.Name}', whose base '{annotated.Name}' already carries "
                    + $"[{annotated.Annotations.First().Attribute}]; derive both from the plain architecture"
                    + Together(attribute, type, annotated)))
            : [];
    }

    private static IEnumerable<string> Carried(ClassSpec type)
    {
        var annotations = type.Annotations.Select(annotation => annotation.Attribute);
        return type.Marker is { } marker ? annotations.Append(marker) : annotations;
    }

    /// <summary>An adapter and a quantizer may meet, but on one class: that class's layers do both.</summary>
    private static string Together(string attribute, ClassSpec type, ClassSpec annotated)
    {
        var isAdapter = type.Adapters.Any(adapter => adapter.Attribute == attribute);
        return annotated.Annotations.Any(other => other is AdapterSpec != isAdapter)
            ? $", with [{attribute}] and [{annotated.Annotations.First().Attribute}] on the same class"
            : "";
    }
}
