using Marrow.Generators.Declarations;
using Marrow.Generators.Equatable;
using Microsoft.CodeAnalysis;

namespace Marrow.Generators.Reading;

/// <summary>Reads [Replace] on a class.</summary>
internal static class ReplacementReader
{
    /// <summary>The replacements, each with the class that is made instead.</summary>
    public static IEnumerable<(ReplacementSpec Spec, INamedTypeSymbol Made)> Read(INamedTypeSymbol type) =>
        from attribute in type.GetAttributes()
        where attribute.AttributeClass?.FullName() == KnownNames.Replace
            && attribute.ConstructorArguments is [{ Value: INamedTypeSymbol }, { Value: INamedTypeSymbol }]
        let block = (INamedTypeSymbol)attribute.ConstructorArguments[0].Value!
        let made = (INamedTypeSymbol)attribute.ConstructorArguments[1].Value!
        select (
            new ReplacementSpec(
                block.Key(),
                block.Text(),
                made.Key(),
                made.Text(),
                Parameters(made).Select(parameter => parameter.Type.Text()).ToEquatable(),
                Error(block, made)),
            made);

    private static string? Error(INamedTypeSymbol block, INamedTypeSymbol made)
    {
        if (!block.IsModel())
        {
            return $"'{block.Name}' is no model; a hand-written module cannot be replaced";
        }

        var bases = new List<INamedTypeSymbol>();
        for (var current = made; current is not null; current = current.BaseType)
        {
            bases.Add(current);
        }

        return !bases.Skip(1).Contains(block, SymbolEqualityComparer.Default)
            ? $"'{made.Name}' does not derive from '{block.Name}'"
            : made.IsAbstract
                ? $"'{made.Name}' is abstract"
                : !Parameters(made).Select(parameter => parameter.Type)
                    .SequenceEqual(Parameters(block).Select(parameter => parameter.Type), SymbolEqualityComparer.Default)
                    ? $"'{made.Name}' takes ({Signature(made)}), but '{block.Name}' takes ({Signature(block)})"
                    : null;
    }

    private static IReadOnlyList<IParameterSymbol> Parameters(INamedTypeSymbol type) => type.InstanceConstructors
        .OrderByDescending(constructor => constructor.Parameters.Length)
        .FirstOrDefault()?.Parameters ?? [];

    private static string Signature(INamedTypeSymbol type) => string.Join(
        ", ", Parameters(type).Select(parameter => $"{parameter.Type.ToDisplayString()} {parameter.Name}"));
}
