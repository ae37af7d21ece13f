using Marrow.Generators.Equatable;
using Marrow.Generators.Specs;
using Microsoft.CodeAnalysis;

namespace Marrow.Generators.Reading;

/// <summary>Reads adapter attributes on a class or a property.</summary>
internal static class AdapterReader
{
    public static IEnumerable<AdapterSpec> Read(ISymbol symbol, ExpressionReader expressions)
    {
        foreach (var attribute in symbol.GetAttributes())
        {
            var options = attribute.NamedArguments.ToDictionary(option => option.Key, option => option.Value);
            var given = options.Keys.OrderBy(name => name, StringComparer.Ordinal).ToEquatable();
            var targets = Text("Targets");
            switch (attribute.AttributeClass?.FullName())
            {
                case KnownNames.Bone:
                    yield return new BoneSpec(
                        Form(), Size("BlockSize", 64), Size("MiniRank", 0), Number("Dropout"), targets, given);
                    break;
                case KnownNames.Lora:
                    yield return new LoraSpec(
                        Size("Rank", 8),
                        options.ContainsKey("Alpha") ? Size("Alpha", 0) : null,
                        options.TryGetValue("RankStabilized", out var stabilized) && stabilized.Value is true,
                        Number("Dropout"),
                        targets,
                        given);
                    break;
            }

            SizeExpression Size(string name, long unset) => options.TryGetValue(name, out var value)
                ? expressions.FromAttribute(value)
                : new SizeExpression.Literal(unset);

            double Number(string name) => options.TryGetValue(name, out var value) && value.Value is double number ? number : 0;

            string? Text(string name) => options.TryGetValue(name, out var value) ? value.Value as string : null;

            // An enum constant is its number; the name is the field that holds it.
            string Form() => options.TryGetValue("Form", out var value) && value is { Type: INamedTypeSymbol type, Value: { } number }
                ? type.GetMembers().OfType<IFieldSymbol>().FirstOrDefault(field => number.Equals(field.ConstantValue))?.Name ?? "Row"
                : "Row";
        }
    }
}
