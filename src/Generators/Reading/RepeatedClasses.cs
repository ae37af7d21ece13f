using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Marrow.Generators.Reading;

/// <summary>Classes or members that stand twice in the source, as after pasting.</summary>
internal static class RepeatedClasses
{
    /// <summary>Whether the compiler reports the class or one of its parts as a duplicate.</summary>
    public static bool Contain(INamedTypeSymbol type)
    {
        var parts = type.DeclaringSyntaxReferences
            .Select(reference => reference.GetSyntax())
            .OfType<TypeDeclarationSyntax>()
            .ToList();
        return parts.Count(part => part.ParameterList is not null) > 1
            || (parts.Count > 1 && parts.TrueForAll(part => !part.Modifiers.Any(SyntaxKind.PartialKeyword)))
            || type.GetAttributes()
                .GroupBy(attribute => attribute.AttributeClass, SymbolEqualityComparer.Default)
                .Any(group => group.Count() > 1 && !AllowsMultiple((INamedTypeSymbol?)group.Key))
            || LayerReader.Properties(type).GroupBy(property => property.Name).Any(group => group.Count() > 1)
            || ForwardReader.Methods(type)
                .GroupBy(method => method.ToDisplayString(SymbolDisplayFormat.CSharpShortErrorMessageFormat))
                .Any(group => group.Count() > 1);
    }

    private static bool AllowsMultiple(INamedTypeSymbol? attribute) => attribute is null || attribute.GetAttributes()
        .Where(usage => usage.AttributeClass?.Name == nameof(AttributeUsageAttribute))
        .SelectMany(usage => usage.NamedArguments)
        .Any(option => option.Key == nameof(AttributeUsageAttribute.AllowMultiple) && option.Value.Value is true);
}
