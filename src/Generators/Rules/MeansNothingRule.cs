using Marrow.Generators.Declarations;
using Marrow.Generators.Diagnostics;
using Marrow.Generators.Resolution;
using Marrow.Shared;

namespace Marrow.Generators.Rules;

/// <summary>
/// MRW108: an adapter or a quantizer has a layer that takes it. Without one the model would train whole, or in floats.
/// </summary>
internal static class MeansNothingRule
{
    public static IEnumerable<Violation> Check(ModelCheck check) => OnClass(check).Concat(OnLayers(check));

    /// <summary>Whether no layer takes an annotation of the class.</summary>
    public static bool MeansNothing(ModelCheck check, AnnotationSpec annotation) =>
        !check.Plan.RepeatsItself
        && !check.Plan.Layers.Any(layer => layer.Declared is UnreadableSpec)
        && !check.Layers.Any(layer => layer.CanTake(annotation));

    private static IEnumerable<Violation> OnClass(ModelCheck check) =>
        from annotation in check.Type.Annotations
        where MeansNothing(check, annotation)
        select new Violation(
            DiagnosticIds.MeansNothing,
            annotation.Targets is null
                ? new Site.Attribute(null, annotation.Attribute) { Index = annotation.Position }
                : new Site.Argument(null, annotation.Attribute, "Targets") { Index = annotation.Position },
            $"[{annotation.Attribute}] on '{check.Type.Name}' changes nothing: {Reason(check, annotation)}");

    /// <summary>A layer that shares an embedding's weight has none to adapt or to quantize.</summary>
    private static IEnumerable<Violation> OnLayers(ModelCheck check) =>
        from layer in check.Type.Layers.OfType<LinearSpec>()
        where layer.Tie is not null && layer.TieWhen.Value is true
        from annotation in layer.Annotations
        select new Violation(
            DiagnosticIds.MeansNothing,
            new Site.Attribute(layer.Property.Name, annotation.Attribute) { Index = annotation.Position },
            $"[{annotation.Attribute}] on layer '{layer.Property.LayerName}' changes nothing: the layer shares the "
                + $"weight of '{layer.Tie}'");

    private static string Reason(ModelCheck check, AnnotationSpec annotation)
    {
        var linear = check.Layers.Where(layer => layer.Spec is LinearSpec).ToList();
        if (annotation.Targets is { } targets)
        {
            return $"Targets '{targets}' matches no layer that takes it{Suggestion.DidYouMean(
                targets, TargetsRule.Takers(check, annotation))}";
        }

        var own = linear.Where(layer => layer.Spec is LinearSpec { IsUntied: true }).ToList();
        return (linear.Count, own.Count) switch
        {
            (0, _) => "the model has no layer that takes it; hand-written modules are left alone",
            (_, 0) => $"its linear layers ({Names(linear)}) share the weights of embeddings",
            _ when own.TrueForAll(layer => layer.Spec.Property.IsHead) =>
                $"its linear layers ({Names(own)}) are output heads, which only Targets can mean",
            _ => $"of its linear layers ({Names(own)}) none is left by Exclude and Train",
        };
    }

    private static string Names(IReadOnlyList<LayerInstance> layers) =>
        string.Join(", ", layers.Take(4).Select(layer => layer.Name)) + (layers.Count > 4 ? ", …" : "");
}
