using Marrow.Generators.Declarations;
using Marrow.Generators.Diagnostics;
using Marrow.Generators.Resolution;
using Marrow.Generators.Sizes;
using Marrow.Shared;

namespace Marrow.Generators.Rules;

/// <summary>MRW104: each pattern of Targets matches a linear layer.</summary>
internal static class TargetsRule
{
    public static IEnumerable<Violation> Check(ModelCheck check)
    {
        var layers = check.Layers.Where(layer => layer.Spec is LinearSpec).ToList();
        var linear = layers.ConvertAll(layer => layer.Name);
        foreach (var annotation in check.Type.Annotations)
        {
            if (annotation.Targets is null || MeansNothingRule.MeansNothing(check, annotation))
            {
                continue; // MRW108
            }

            foreach (var pattern in annotation.Targets.Split('|').Select(text => text.Trim()))
            {
                if (!linear.Exists(name => LayerTargets.Match(pattern, name)))
                {
                    yield return new(
                        DiagnosticIds.TargetsMatchNothing,
                        new Site.Argument(null, annotation.Attribute, "Targets"),
                        $"Targets '{pattern}' matches no linear layer of "
                            + $"'{check.Type.Name}'{DidYouMean(pattern, layers)}");
                }
            }
        }
    }

    /// <summary>The end of a sentence about a pattern that matches none of these layers.</summary>
    public static string DidYouMean(string pattern, IReadOnlyList<LayerInstance> layers)
    {
        var linear = layers.Select(layer => layer.Name).ToList();
        var last = pattern.Substring(pattern.LastIndexOf('.') + 1).Trim('*');
        var names = linear.Select(name => name.Substring(name.LastIndexOf('.') + 1)).Distinct().ToList();
        return Suggestion.Nearest(last, names) is not { } name
            ? linear.Count == 0 ? "; it has none" : $"; its layers are {string.Join(", ", names.Take(8))}"
            : linear.Contains(name) ? $"; did you mean '{name}'?" : $"; did you mean '*.{name}'?";
    }
}
