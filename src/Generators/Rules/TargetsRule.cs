using Marrow.Generators.Declarations;
using Marrow.Generators.Diagnostics;
using Marrow.Shared;

namespace Marrow.Generators.Rules;

/// <summary>
/// MRW104: each pattern of Targets and Exclude matches a layer that could take the annotation, each of Train a layer.
/// </summary>
internal static class TargetsRule
{
    public static IEnumerable<Violation> Check(ModelCheck check)
    {
        var all = check.Layers.SelectMany(layer => LayerTargets.Around(layer.Name)).Distinct().ToList();
        foreach (var annotation in check.Type.Annotations)
        {
            var (kind, takers) = (
                annotation is AdapterSpec ? "layer that can be adapted" : "layer that can be quantized",
                Takers(check, annotation));
            foreach (var (option, patterns, what, names) in new[]
            {
                ("Targets", MeansNothingRule.MeansNothing(check, annotation) ? null : annotation.Targets,
                    kind, takers), // MRW108 if they leave nothing
                ("Exclude", annotation.Header.Exclude, kind, takers),
                ("Train", annotation.Header.Train, "layer", all),
            })
            {
                foreach (var pattern in patterns?.Split('|').Select(text => text.Trim(' ')) ?? [])
                {
                    if (!names.Exists(name => LayerTargets.Match(pattern, name)))
                    {
                        yield return new(
                            DiagnosticIds.TargetsMatchNothing,
                            new Site.Argument(null, annotation.Attribute, option) { Index = annotation.Position },
                            $"{option} '{pattern}' matches no {what} of "
                                + $"'{check.Type.Name}'{Suggestion.DidYouMean(pattern, names)}");
                    }
                }
            }
        }
    }

    /// <summary>The layers of a kind that could take an annotation.</summary>
    public static List<string> Takers(ModelCheck check, AnnotationSpec annotation) =>
    [
        .. from layer in check.Layers
           where annotation is AdapterSpec adapter
               ? adapter.Adapts(layer.Spec)
               : layer.Spec is LinearSpec or Conv2dSpec or AttentionSpec
           select layer.Name,
    ];
}
