using Marrow.Generators.Diagnostics;
using Marrow.Generators.Specs;

namespace Marrow.Generators.Rules;

/// <summary>MRW006: adapters and quantizers go on models, and on one class of a line of derivation.</summary>
internal static class AnnotationPlacementRule
{
    public static IEnumerable<Violation> Check(ModelCheck check)
    {
        if (check.Type is { Recomputes: true, IsModel: false })
        {
            yield return new(
                DiagnosticIds.AdapterPlacement,
                new Site.Attribute(null, "Recompute"),
                $"[Recompute] on '{check.Type.Name}', which derives from no model; derive from one or add [Model]");
        }

        var carried = check.Type.Annotations.Select(annotation => annotation.Attribute);
        foreach (var attribute in check.Type.IsQkr ? carried.Append("Qkr") : carried)
        {
            var site = new Site.Attribute(null, attribute);
            if (!check.Type.IsModel)
            {
                yield return new(
                    DiagnosticIds.AdapterPlacement,
                    site,
                    $"[{attribute}] on '{check.Type.Name}', which derives from no model; derive from one or add [Model]");
                continue;
            }

            if (check.Closure.Lineage(check.Type).Skip(1).FirstOrDefault(ancestor => ancestor.Annotations.Any()) is { } annotated)
            {
                yield return new(
                    DiagnosticIds.AdapterPlacement,
                    site,
                    $"[{attribute}] on '{check.Type.Name}', whose base '{annotated.Name}' already carries [{annotated.Annotations.First().Attribute}]; derive both from the plain architecture{Together(attribute, annotated)}");
            }
        }
    }

    /// <summary>An adapter and a quantizer may meet, but on one class: that class's layers do both.</summary>
    private static string Together(string attribute, ClassSpec annotated) =>
        annotated.Annotations.Any(other => (other is QuantizeSpec) != (attribute is "Quantize" or "Qkr"))
            ? $", with [{attribute}] and [{annotated.Annotations.First().Attribute}] on the same class"
            : "";
}
