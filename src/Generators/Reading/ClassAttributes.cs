using Marrow.Generators.Methods;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Marrow.Generators.Reading;

/// <summary>The attributes that make a class worth generating for.</summary>
internal static class ClassAttributes
{
    public static IEnumerable<string> Of(MethodTable methods) =>
    [
        KnownNames.Model,
        .. methods.Adapters.Select(method => KnownNames.Attribute(method.Attribute)),
        KnownNames.Quantize,
        .. methods.Attention.Where(method => method.Attribute is not null).Select(
            method => KnownNames.Attribute(method.Attribute!)),
        KnownNames.Recompute,
        KnownNames.Replace,
        KnownNames.Checkpoint,
        .. KnownNames.NameRules.Keys,
    ];

    /// <summary>
    /// The class of a layer's property, if it carries no attribute by which it would be found, and this is its first
    /// layer.
    /// </summary>
    public static INamedTypeSymbol? Unmarked(ISymbol property, MethodTable methods) =>
        property.ContainingType is { TypeKind: TypeKind.Class } type
        && !Of(methods).Any(type.HasAttribute)
        && SymbolEqualityComparer.Default.Equals(LayerReader.Properties(type).FirstOrDefault(), property)
            ? type
            : null;

    /// <summary>
    /// Whether a class is to be emitted for this match. A class with several attributes, in one part or many, matches
    /// once for each attribute and part; it is emitted for the first.
    /// </summary>
    public static bool IsAnchor(GeneratorAttributeSyntaxContext match, string attribute, MethodTable methods)
    {
        var first = Of(methods).FirstOrDefault(match.TargetSymbol.HasAttribute);
        return first == attribute
            && match.TargetSymbol.Attribute(attribute)?.ApplicationSyntaxReference?.GetSyntax()
                .FirstAncestorOrSelf<TypeDeclarationSyntax>() == match.TargetNode;
    }
}
