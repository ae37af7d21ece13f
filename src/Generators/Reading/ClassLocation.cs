using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Text;

namespace Marrow.Generators.Reading;

/// <summary>Where a class's name stands.</summary>
internal static class ClassLocation
{
    /// <summary>
    /// The name in the part that carries an attribute, a base call or layers; generated parts come last.
    /// </summary>
    public static Location Of(INamedTypeSymbol type) => type.DeclaringSyntaxReferences
        .Select(reference => reference.GetSyntax())
        .OfType<TypeDeclarationSyntax>()
        .OrderByDescending(part => part.AttributeLists.Count > 0 || part.ParameterList is not null)
        .FirstOrDefault()?.Identifier.GetLocation() ?? type.Locations[0];
}

/// <summary>A place in a source file, without the file's syntax tree.</summary>
internal sealed record SourcePlace(string File, TextSpan Span, LinePositionSpan Lines)
{
    public static SourcePlace Of(Location location) => new(
        location.SourceTree?.FilePath ?? "", location.SourceSpan, location.GetLineSpan().Span);

    public Location Location => Location.Create(File, Span, Lines);
}
