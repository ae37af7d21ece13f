using Marrow.Generators.Equatable;
using Marrow.Generators.Specs;
using Microsoft.CodeAnalysis;

namespace Marrow.Generators.Reading;

/// <summary>The named options of an adapter or quantizer attribute.</summary>
internal sealed class AnnotationOptions(AttributeData attribute, ExpressionReader expressions)
{
    private readonly Dictionary<string, TypedConstant> options = attribute.NamedArguments.ToDictionary(option => option.Key, option => option.Value);

    /// <summary>Names of the options that are written out.</summary>
    public EquatableArray<string> Given => options.Keys.OrderBy(name => name, StringComparer.Ordinal).ToEquatable();

    public string? Targets => options.TryGetValue("Targets", out var value) ? value.Value as string : null;

    public bool Has(string name) => options.ContainsKey(name);

    public SizeExpression Size(string name, long unset) => options.TryGetValue(name, out var value)
        ? expressions.FromAttribute(value)
        : new SizeExpression.Literal(unset);

    public double Number(string name, double unset = 0) => options.TryGetValue(name, out var value) && value.Value is double number ? number : unset;

    public int Integer(string name) => options.TryGetValue(name, out var value) && value.Value is int number ? number : 0;

    public bool Flag(string name) => options.TryGetValue(name, out var value) && value.Value is true;

    /// <summary>Name of an enum's member: the constant is its number, the name is the field that holds it.</summary>
    public string Member(string name, string unset) =>
        options.TryGetValue(name, out var value) && value is { Type: INamedTypeSymbol type, Value: { } number }
            ? type.GetMembers().OfType<IFieldSymbol>().FirstOrDefault(field => number.Equals(field.ConstantValue))?.Name ?? unset
            : unset;
}
