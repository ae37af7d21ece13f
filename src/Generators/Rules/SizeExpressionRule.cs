using Marrow.Generators.Diagnostics;
using Marrow.Generators.Specs;

namespace Marrow.Generators.Rules;

/// <summary>MRW003: a size is a constant or an expression over the constructor's parameters, and evaluates.</summary>
internal static class SizeExpressionRule
{
    public static IEnumerable<Violation> Check(ModelCheck check) => check.Type.Layers
        .SelectMany(layer => Written(layer))
        .Concat(check.Type.Annotations.SelectMany(annotation => Options(null, annotation)))
        .Concat(BlockArguments(check))
        .Concat(Evaluated(check));

    private static IEnumerable<Violation> Written(LayerSpec layer) => layer.Expressions
        .Where(pair => pair.Expression.Fault is not null)
        .Select(pair => Of(new Site.Argument(layer.Property.Name, layer.Property.Attribute, pair.Argument), pair.Expression.Fault!))
        .Concat(layer.Annotations.SelectMany(annotation => Options(layer.Property.Name, annotation)));

    private static IEnumerable<Violation> Options(string? property, AnnotationSpec annotation) => annotation.Sizes
        .Where(pair => pair.Size.Fault is not null)
        .Select(pair => Of(new Site.Argument(property, annotation.Attribute, pair.Option), pair.Size.Fault!));

    private static IEnumerable<Violation> BlockArguments(ModelCheck check)
    {
        foreach (var block in check.Type.Layers.OfType<BlockSpec>())
        {
            if (check.Closure.Find(block.TypeKey) is not { } model)
            {
                continue;
            }

            var required = model.Parameters.Count(parameter => parameter.Default is null);
            if (block.Arguments.Count < required || block.Arguments.Count > model.Parameters.Count)
            {
                var wanted = string.Join(", ", model.Parameters.Select(parameter => $"{parameter.Type} {parameter.Name}"));
                yield return new(
                    DiagnosticIds.SizeExpression,
                    new Site.Attribute(block.Property.Name, block.Property.Attribute),
                    $"[Block] gives {block.Arguments.Count} arguments, but {model.Name} takes ({wanted})");
            }
        }
    }

    /// <summary>Expressions that are well written, but have no value with the sizes of this class.</summary>
    private static IEnumerable<Violation> Evaluated(ModelCheck check)
    {
        var reported = new HashSet<Site>();
        foreach (var leaf in check.Leaves)
        {
            foreach (var (argument, expression) in leaf.Layer.Evaluated.Expressions)
            {
                var declared = leaf.Layer.Declared.Expressions.First(pair => pair.Argument == argument).Expression;
                var fault = expression.Fault ?? NotInteger(leaf.Layer.Evaluated, argument, expression);
                if (fault is null || declared.Fault is not null || !check.IsOurs(leaf, declared))
                {
                    continue;
                }

                var site = check.Blame(leaf, argument, layer => layer.Expressions.First(pair => pair.Argument == argument).Expression);
                if (reported.Add(site))
                {
                    yield return Of(site, fault);
                }
            }
        }
    }

    private static SizeExpression.Invalid? NotInteger(LayerSpec layer, string argument, SizeExpression expression) =>
        expression.Value is not (null or long) && layer.Sizes.Any(size => size.Argument == argument)
            ? new SizeExpression.Invalid(expression.ToString(), "a size is an integer")
            : null;

    private static Violation Of(Site site, SizeExpression.Invalid fault) =>
        new(DiagnosticIds.SizeExpression, site, $"Size expression '{fault.Text}' cannot be used: {fault.Reason}");
}
