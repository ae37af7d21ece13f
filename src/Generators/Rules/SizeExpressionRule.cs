using Marrow.Generators.Declarations;
using Marrow.Generators.Diagnostics;
using Marrow.Generators.Sizes;

namespace Marrow.Generators.Rules;

/// <summary>
/// MRW003: an argument is a constant or an expression over the constructor's parameters, evaluates, and has the kind of
/// value that the argument takes. An option with a rule of its own has that rule's id for values of another kind.
/// </summary>
internal static class SizeExpressionRule
{
    public static IEnumerable<Violation> Check(ModelCheck check) => check.Type.Layers
        .SelectMany(layer => Written(check.Type, layer))
        .Concat(
            check.Type.Annotations.SelectMany(
                annotation => Written(check.Type, null, annotation.Attribute, annotation.Arguments, annotation.Position)))
        .Concat(Evaluated(check));

    private static IEnumerable<Violation> Written(ClassSpec type, LayerSpec layer) =>
        Written(type, layer.Property.Name, layer.Property.Attribute, layer.Arguments)
            .Concat(layer.Annotations.SelectMany(annotation =>
                Written(type, layer.Property.Name, annotation.Attribute, annotation.Arguments, annotation.Position)));

    private static IEnumerable<Violation> Written(
        ClassSpec type, string? property, string attribute, IEnumerable<Argument> arguments, int position = 0)
    {
        foreach (var argument in arguments)
        {
            var site = new Site.Argument(property, attribute, argument.Name) { Index = position };
            var value = argument.Value.Evaluate(_ => null);
            if (value.Error is { } error)
            {
                yield return Of(DiagnosticIds.SizeExpression, site, error);
            }
            else if (value.Mismatch(argument.Kind, type.TypeOf) is { } mismatch)
            {
                yield return Of(argument.Id, site, mismatch);
            }
        }
    }

    /// <summary>Expressions that are well written, but have no value with the sizes of this class.</summary>
    private static IEnumerable<Violation> Evaluated(ModelCheck check)
    {
        if (BlockArgumentsRule.Check(check).Any())
        {
            yield break; // an argument of another type is no value of the layers inside
        }

        var reported = new HashSet<Site>();
        foreach (var layer in check.Layers)
        {
            foreach (var argument in layer.Spec.Arguments)
            {
                if (argument.Value.Error is { } error
                    && layer.Layer.Declared.Arguments.First(other => other.Name == argument.Name).Value is var declared
                    && declared.Evaluate(_ => null).Error is null
                    && check.IsOurs(layer, declared)
                    && check.FindCause(layer, argument.Name) is var site
                    && reported.Add(site))
                {
                    yield return Of(DiagnosticIds.SizeExpression, site, error);
                }
            }
        }
    }

    /// <summary>A violation by an expression that cannot be used.</summary>
    public static Violation Of(string id, Site site, SizeExpression.Invalid error) =>
        new(id, site, $"Size expression '{error.Text}' cannot be used: {error.Reason}");
}
