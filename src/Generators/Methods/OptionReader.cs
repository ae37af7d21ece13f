using Marrow.Generators.Declarations;
using Marrow.Generators.Diagnostics;
using Marrow.Generators.Equatable;
using Marrow.Generators.Sizes;
using Microsoft.CodeAnalysis;

namespace Marrow.Generators.Methods;

/// <summary>The named options of an attribute. What cannot be read is remembered as an error of that option.</summary>
/// <param name="attribute">The attribute.</param>
/// <param name="sizes">Reads its size expressions.</param>
internal sealed class OptionReader(AttributeData attribute, SizeReader sizes)
{
    private readonly Dictionary<string, TypedConstant> options = Last(attribute);
    private readonly List<ArgumentError> errors = [.. Repeated(attribute)];

    /// <summary>The header of an annotation, once its options were read.</summary>
    /// <param name="name">The attribute's name without suffix.</param>
    /// <param name="carrier">The class or property that carries it.</param>
    public AnnotationHeader Header(string name, ISymbol carrier) => new(
        name,
        carrier.GetAttributes()
            .Where(other => other.AttributeClass?.Name == attribute.AttributeClass?.Name)
            .TakeWhile(other => !other.Equals(attribute))
            .Count(),
        carrier.ToDisplayString(),
        Text("Targets"),
        Text("Exclude"),
        Text("Train"),
        Has("Bias") ? Member<AdapterBias>("Bias") : default,
        options.Keys.OrderBy(option => option, StringComparer.Ordinal).ToEquatable(),
        Errors);

    /// <summary>What was wrong with the options read so far.</summary>
    public EquatableArray<ArgumentError> Errors => errors.ToEquatable();

    public bool Has(string name) => options.ContainsKey(name);

    /// <summary>An integer or an expression.</summary>
    public SizeExpression Size(string name, long unset) => Size(name) ?? new SizeExpression.Literal(unset);

    /// <summary>An integer or an expression; null if it is not given.</summary>
    public SizeExpression? Size(string name) =>
        options.TryGetValue(name, out var value) ? sizes.FromAttribute(value) : null;

    public string? Text(string name) => Constant(name) as string;

    public double Number(string name, double unset = 0) => Constant(name) is double number ? number : unset;

    public int Integer(string name) => Constant(name) is int number ? number : 0;

    public bool Flag(string name) => Constant(name) is true;

    /// <summary>A member of an enum.</summary>
    public TEnum Member<TEnum>(string name)
        where TEnum : struct, Enum
    {
        if (Constant(name) is not int number)
        {
            return default;
        }

        if (!Enum.IsDefined(typeof(TEnum), number))
        {
            errors.Add(new(name, $"{name} {number} is no {typeof(TEnum).Name}", DiagnosticIds.UnknownOption));
            return default;
        }

        return (TEnum)Enum.ToObject(typeof(TEnum), number);
    }

    private object? Constant(string name) =>
        options.TryGetValue(name, out var value) && value.Kind is TypedConstantKind.Primitive or TypedConstantKind.Enum
            ? value.Value
            : null;

    /// <summary>The compiler refuses a repeated option, but hands on both.</summary>
    private static Dictionary<string, TypedConstant> Last(AttributeData attribute)
    {
        var options = new Dictionary<string, TypedConstant>();
        foreach (var option in attribute.NamedArguments)
        {
            options[option.Key] = option.Value;
        }

        return options;
    }

    private static IEnumerable<ArgumentError> Repeated(AttributeData attribute) => attribute.NamedArguments
        .GroupBy(option => option.Key)
        .Where(group => group.Count() > 1)
        .Select(group => new ArgumentError(
            group.Key, $"{group.Key} is given {group.Count()} times; keep one", DiagnosticIds.UnknownOption));
}
