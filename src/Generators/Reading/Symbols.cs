using Microsoft.CodeAnalysis;

namespace Marrow.Generators.Reading;

/// <summary>Questions that the readers and the analyzer ask of symbols.</summary>
internal static class Symbols
{
    private static readonly SymbolDisplayFormat QualifiedName = new(
        typeQualificationStyle: SymbolDisplayTypeQualificationStyle.NameAndContainingTypesAndNamespaces);

    private static readonly SymbolDisplayFormat TypeFormat = SymbolDisplayFormat.FullyQualifiedFormat
        .WithMiscellaneousOptions(SymbolDisplayMiscellaneousOptions.UseSpecialTypes
            | SymbolDisplayMiscellaneousOptions.EscapeKeywordIdentifiers
            | SymbolDisplayMiscellaneousOptions.IncludeNullableReferenceTypeModifier);

    /// <summary>Namespace and name, without type arguments: <c>Marrow.Linear</c>.</summary>
    public static string FullName(this ITypeSymbol type) => type.OriginalDefinition.ToDisplayString(QualifiedName);

    public static AttributeData? Attribute(this ISymbol symbol, string metadataName) =>
        symbol.GetAttributes().FirstOrDefault(attribute => attribute.AttributeClass?.FullName() == metadataName);

    public static bool HasAttribute(this ISymbol symbol, string metadataName) => symbol.Attribute(metadataName) is not null;

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

    /// <summary>Whether this is <c>Marrow.Model&lt;…&gt;</c>, which the emitted part of an architecture derives from.</summary>
    public static bool IsRuntimeModelBase(this INamedTypeSymbol type) =>
        type.IsGenericType && type.FullName() == "Marrow.Model";

    /// <summary>Identity of a class across compilations: namespace, containing classes and name.</summary>
    public static string Key(this INamedTypeSymbol type) => type.FullName();

    /// <summary>
    /// A type as C# text inside <paramref name="scope"/>: short where the emitted file's usings or the class's own
    /// namespace make that safe, qualified otherwise.
    /// </summary>
    public static string TypeText(ITypeSymbol type, INamedTypeSymbol scope)
    {
        if (type is INamedTypeSymbol { TypeKind: not TypeKind.Error, IsTupleType: false, SpecialType: SpecialType.None } named)
        {
            var home = named.ContainingNamespace?.ToDisplayString() ?? "";
            var imported = named.FullName() == "TorchSharp.torch.Tensor"
                || (named.ContainingType is null && home == KnownNames.Namespace);
            var neighbour = named.ContainingType is null
                && SymbolEqualityComparer.Default.Equals(named.ContainingNamespace, scope.ContainingNamespace);
            if (neighbour || (imported && !IsHidden(named.Name, scope, home)))
            {
                var arguments = named.TypeArguments.Length == 0
                    ? ""
                    : $"<{string.Join(", ", named.TypeArguments.Select(argument => TypeText(argument, scope)))}>";
                return named.Name + arguments + (named.NullableAnnotation == NullableAnnotation.Annotated && named.IsReferenceType ? "?" : "");
            }
        }

        return type.ToDisplayString(TypeFormat);
    }

    private static bool IsHidden(string name, INamedTypeSymbol scope, string home)
    {
        for (var space = scope.ContainingNamespace; space is not null; space = space.ContainingNamespace)
        {
            if (space.ToDisplayString() != home && space.GetTypeMembers(name).Length > 0)
            {
                return true;
            }
        }

        for (var type = scope; type is not null; type = type.ContainingType)
        {
            if (type.GetTypeMembers(name).Length > 0)
            {
                return true;
            }
        }

        return false;
    }
}
