using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Marrow.Generators.Reading;

/// <summary>Questions that the readers and the analyzer ask of symbols.</summary>
internal static class Symbols
{
    private static readonly SymbolDisplayFormat QualifiedName = new(
        typeQualificationStyle: SymbolDisplayTypeQualificationStyle.NameAndContainingTypesAndNamespaces);

    /// <summary>A name as C# text.</summary>
    public static readonly SymbolDisplayFormat EscapedName = QualifiedName
        .WithMiscellaneousOptions(SymbolDisplayMiscellaneousOptions.EscapeKeywordIdentifiers);

    private static readonly SymbolDisplayFormat TypeFormat = SymbolDisplayFormat.FullyQualifiedFormat
        .WithMiscellaneousOptions(SymbolDisplayMiscellaneousOptions.UseSpecialTypes
            | SymbolDisplayMiscellaneousOptions.EscapeKeywordIdentifiers
            | SymbolDisplayMiscellaneousOptions.IncludeNullableReferenceTypeModifier);

    /// <summary>Namespace and name, without type arguments: <c>Marrow.Linear</c>.</summary>
    public static string FullName(this ITypeSymbol type) => type.OriginalDefinition.ToDisplayString(QualifiedName);

    public static AttributeData? Attribute(this ISymbol symbol, string metadataName) =>
        symbol.GetAttributes().FirstOrDefault(attribute => attribute.AttributeClass?.FullName() == metadataName);

    public static bool HasAttribute(this ISymbol symbol, string metadataName) =>
        symbol.Attribute(metadataName) is not null;

    /// <summary>Whether the class carries [Model] or derives from a class that does.</summary>
    public static bool IsModel(this INamedTypeSymbol type)
    {
        for (var current = type; current is not null; current = current.BaseType)
        {
            if (current.HasAttribute(KnownNames.Model) || current.IsRuntimeModelBase())
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>
    /// Whether this is <c>Marrow.Model&lt;…&gt;</c>, which the emitted part of an architecture derives from.
    /// </summary>
    public static bool IsRuntimeModelBase(this INamedTypeSymbol type) =>
        type.IsGenericType && type.FullName() == "Marrow.Model";

    /// <summary>Identity of a class across compilations: namespace, containing classes and name.</summary>
    public static string Key(this INamedTypeSymbol type) => type.FullName();

    /// <summary>A type as C# text that means the same everywhere.</summary>
    public static string Text(this ITypeSymbol type) => type.ToDisplayString(TypeFormat);

    /// <summary>The name of a type that is declared, where words like <c>file</c> mean something else.</summary>
    public static string EscapeType(string identifier) =>
        SyntaxFacts.GetContextualKeywordKind(identifier) == SyntaxKind.None ? Escape(identifier) : "@" + identifier;

    /// <summary>An identifier as C# text.</summary>
    public static string Escape(string identifier) =>
        SyntaxFacts.GetKeywordKind(identifier) == SyntaxKind.None ? identifier : "@" + identifier;
}
