using Marrow.Generators.Declarations;
using Marrow.Generators.Equatable;
using Marrow.Generators.Methods;
using Marrow.Generators.Sizes;
using Microsoft.CodeAnalysis;

namespace Marrow.Generators.Reading;

/// <summary>Reads what the attributes of a class say about its checkpoint.</summary>
internal static class MappingReader
{
    /// <summary>All of it, or null if there is nothing.</summary>
    public static MappingSpec? Read(INamedTypeSymbol type, SizeReader sizes)
    {
        var counts = new Dictionary<string, int>();
        var rules = new List<NameRuleSpec>();
        CheckpointSpec? options = null;
        foreach (var attribute in type.GetAttributes())
        {
            var name = attribute.AttributeClass?.FullName();
            if (name == KnownNames.Checkpoint)
            {
                var reader = new OptionReader(attribute, sizes);
                options = new(
                    reader.Text("Prefix"), reader.Text("Unprefixed"), reader.Text("Transpose"), reader.Text("Ignore"))
                {
                    Errors = reader.Errors,
                };
            }
            else if (name is not null && KnownNames.NameRules.TryGetValue(name, out var kind))
            {
                counts[kind] = counts.TryGetValue(kind, out var count) ? count + 1 : 1;
                rules.Add(Rule(attribute, kind, counts[kind] - 1, sizes));
            }
        }

        return rules.Count == 0 && options is null ? null : new(rules.ToEquatable(), options);
    }

    private static NameRuleSpec Rule(AttributeData attribute, string kind, int index, SizeReader sizes)
    {
        var arguments = attribute.ConstructorArguments;
        return new(
            kind,
            index,
            arguments.Select(Text).FirstOrDefault() ?? "",
            arguments.Skip(1).SelectMany(List).Select(Text).ToEquatable(),
            attribute.NamedArguments
                .Where(option => option.Key == "Parts")
                .SelectMany(option => List(option.Value))
                .Select(sizes.FromAttribute)
                .ToEquatable())
        {
            Errors = new OptionReader(attribute, sizes).Errors,
        };
    }

    private static IEnumerable<TypedConstant> List(TypedConstant argument) =>
        argument.Kind != TypedConstantKind.Array ? [argument] : argument.IsNull ? [] : argument.Values;

    private static string Text(TypedConstant argument) =>
        argument is { Kind: TypedConstantKind.Primitive, Value: string text } ? text : "";
}
