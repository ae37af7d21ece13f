using Marrow.Generators.Declarations;
using Marrow.Generators.Diagnostics;
using Marrow.Generators.Sizes;

namespace Marrow.Generators.Rules;

/// <summary>MRW003 for [Block]: its arguments are those of the module's constructor.</summary>
internal static class BlockArgumentsRule
{
    public static IEnumerable<Violation> Check(ModelCheck check)
    {
        foreach (var block in check.Type.Layers.OfType<BlockSpec>())
        {
            var (parameters, values) = (block.Parameters, block.Values);
            var required = parameters.Count(parameter => parameter.Default is null);
            if (values.Count < required || values.Count > parameters.Count)
            {
                var wanted = string.Join(", ", parameters.Select(parameter => $"{parameter.Type} {parameter.Name}"));
                yield return new(
                    DiagnosticIds.SizeExpression,
                    new Site.Attribute(block.Property.Name, block.Property.Attribute),
                    $"[Block] gives {values.Count} arguments, but {block.ElementType} takes ({wanted})".Replace(
                        "global::", ""));
                continue;
            }

            for (var i = 0; i < values.Count; i++)
            {
                var value = values[i].Evaluate(_ => null);
                if (value.Mismatch(parameters[i].Name, parameters[i].Type, check.Type.TypeOf) is { } mismatch)
                {
                    yield return new(
                        DiagnosticIds.SizeExpression,
                        new Site.Argument(block.Property.Name, block.Property.Attribute, $"arguments#{i}"),
                        $"Size expression '{mismatch.Text}' cannot be used: {mismatch.Reason}");
                }
            }
        }
    }
}
