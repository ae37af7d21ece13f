using Marrow.Generators.Reading;
using Marrow.Generators.Rules;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Marrow.Generators.Analysis;

/// <summary>Finds the text that a violation points at.</summary>
internal static class SiteLocator
{
    public static Location Locate(Site site, INamedTypeSymbol type, CancellationToken cancellation) => (site switch
    {
        Site.Property property => PropertyName(type, property.Name, cancellation),
        Site.Member member => type.GetMembers(member.Name).FirstOrDefault()?.Locations.FirstOrDefault(),
        Site.Method method => ForwardReader.Methods(type).ElementAtOrDefault(method.Index)?.Locations.FirstOrDefault(),
        Site.Attribute attribute =>
            Syntax(Attribute(type, attribute.Carrier, attribute.Name, attribute.Index), cancellation)?.Name.GetLocation(),
        Site.Argument argument => Argument(type, argument, cancellation),
        Site.BaseArgument argument => BaseArgument(type, argument.Parameter),
        _ => null,
    }) ?? ClassLocation.Of(type);

    private static Location? PropertyName(INamedTypeSymbol type, string name, CancellationToken cancellation) =>
        Property(type, name)?.DeclaringSyntaxReferences
            .Select(reference => reference.GetSyntax(cancellation))
            .OfType<PropertyDeclarationSyntax>()
            .FirstOrDefault()?.Identifier.GetLocation();

    private static IPropertySymbol? Property(INamedTypeSymbol type, string name) =>
        LayerReader.Properties(type).FirstOrDefault(property => property.Name == name);

    /// <summary>One of the attributes of a name on the class or a property.</summary>
    private static AttributeData? Attribute(INamedTypeSymbol type, string? property, string name, int index)
    {
        ISymbol? carrier = property is null ? type : Property(type, property);
        return carrier?.GetAttributes()
            .Where(attribute => attribute.AttributeClass?.FullName() == KnownNames.Attribute(name))
            .ElementAtOrDefault(index);
    }

    private static AttributeSyntax? Syntax(AttributeData? attribute, CancellationToken cancellation) =>
        attribute?.ApplicationSyntaxReference?.GetSyntax(cancellation) as AttributeSyntax;

    private static Location? Argument(INamedTypeSymbol type, Site.Argument site, CancellationToken cancellation)
    {
        var data = Attribute(type, site.Carrier, site.AttributeName, site.Index);
        if (Syntax(data, cancellation) is not { } attribute)
        {
            return null;
        }

        var arguments = attribute.ArgumentList?.Arguments ?? default;
        var named = arguments.LastOrDefault(argument =>
            (argument.NameEquals?.Name ?? argument.NameColon?.Name)?.Identifier.ValueText == site.Name);
        if (named is not null)
        {
            return named.GetLocation();
        }

        var positional = arguments.Where(argument => argument.NameEquals is null).ToList();
        var position = Position(data, site.Name);
        return position >= 0 && position < positional.Count && positional[position].NameColon is null
            ? positional[position].GetLocation()
            : attribute.Name.GetLocation();
    }

    /// <summary>The position of a constructor argument: <c>sizes#2</c> is two after the start of the list.</summary>
    private static int Position(AttributeData? attribute, string argument)
    {
        var parameters = attribute?.AttributeConstructor?.Parameters ?? [];
        var (name, offset) = argument.Split('#') is [var list, var index] ? (list, int.Parse(index)) : (argument, 0);
        for (var i = 0; i < parameters.Length; i++)
        {
            if (parameters[i].Name == name)
            {
                return i + offset;
            }
        }

        return -1;
    }

    private static Location? BaseArgument(INamedTypeSymbol type, string parameter)
    {
        if (BaseCallReader.ArgumentList(type) is not { } list)
        {
            return null;
        }

        var named = list.Arguments.FirstOrDefault(
            argument => argument.NameColon?.Name.Identifier.ValueText == parameter);
        if (named is not null)
        {
            return named.GetLocation();
        }

        var constructor = type.BaseType?.InstanceConstructors.OrderByDescending(
            candidate => candidate.Parameters.Length).FirstOrDefault();
        var position = constructor?.Parameters.FirstOrDefault(candidate => candidate.Name == parameter)?.Ordinal ?? -1;
        return position >= 0 && position < list.Arguments.Count && list.Arguments[position].NameColon is null
            ? list.Arguments[position].GetLocation()
            : (list.Parent as PrimaryConstructorBaseTypeSyntax)?.Type.GetLocation();
    }
}
