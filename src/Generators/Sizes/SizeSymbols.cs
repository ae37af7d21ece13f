using Marrow.Shared;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Marrow.Generators.Sizes;

/// <summary>What names in a size expression stand for, beside the constructor's parameters themselves.</summary>
internal static class SizeSymbols
{
    /// <summary>The function of System.Math that a call means, as far as its text says; null if it is none.</summary>
    public static string? MathFunction(InvocationExpressionSyntax call)
    {
        var text = call.Expression.ToString();
        var name = text.Substring(text.LastIndexOf('.') + 1);
        return (text == $"Math.{name}" || text == $"System.Math.{name}")
            && SizeArithmetic.Functions.TryGetValue(name, out var count)
            && call.ArgumentList.Arguments.Count == count
                ? name
                : null;
    }

    /// <summary>The name that a chain of members and items starts with, or null.</summary>
    public static string? Root(ExpressionSyntax expression) => expression switch
    {
        IdentifierNameSyntax name => name.Identifier.ValueText,
        MemberAccessExpressionSyntax access => Root(access.Expression),
        ElementAccessExpressionSyntax element => Root(element.Expression),
        _ => null,
    };

    /// <summary>
    /// The type of a chain that starts with a constructor parameter, as C# text; null if it has none.
    /// </summary>
    public static string? TypeOf(INamedTypeSymbol type, ExpressionSyntax expression) =>
        Symbol(type, expression)?.ToDisplayString(SymbolDisplayFormat.FullyQualifiedFormat);

    /// <summary>Why there is no such member, with the one that may be meant.</summary>
    public static string NoSuchMember(INamedTypeSymbol type, MemberAccessExpressionSyntax access)
    {
        var name = access.Name.Identifier.ValueText;
        if ((Symbol(type, access.Expression) ?? Type(type, access.Expression.ToString())) is not { } owner)
        {
            return $"'{access}' is not supported in a size";
        }

        var members = owner.GetMembers()
            .Where(member => member is IPropertySymbol or IFieldSymbol && member.CanBeReferencedByName)
            .Select(member => member.Name);
        var nearest = Suggestion.Nearest(name, members);
        return $"'{name}' is no public property or constant of {owner.Name}"
            + (nearest is null || nearest == name ? "" : $"; did you mean '{nearest}'?");
    }

    /// <summary>A constant of another type that can be seen from the class, or null.</summary>
    public static IFieldSymbol? Static(INamedTypeSymbol type, MemberAccessExpressionSyntax access) =>
        Type(type, access.Expression.ToString())?.GetMembers(access.Name.Identifier.ValueText)
            .OfType<IFieldSymbol>()
            .FirstOrDefault(field => field.IsConst);

    /// <summary>The items of a static read-only list of the class that its initializer writes out, or null.</summary>
    public static IReadOnlyList<string>? List(INamedTypeSymbol type, string name)
    {
        var field = Members(type, name).OfType<IFieldSymbol>().FirstOrDefault(field => field is
        {
            IsStatic: true,
            IsReadOnly: true,
        });
        var value = (field?.DeclaringSyntaxReferences.FirstOrDefault()?.GetSyntax() as VariableDeclaratorSyntax)
            ?.Initializer?.Value;
        return value switch
        {
            CollectionExpressionSyntax list when list.Elements.All(item => item is ExpressionElementSyntax) =>
                [.. list.Elements.Select(item => ((ExpressionElementSyntax)item).Expression.ToString())],
            ImplicitArrayCreationExpressionSyntax array =>
                [.. array.Initializer.Expressions.Select(item => item.ToString())],
            ArrayCreationExpressionSyntax { Initializer: { } items } =>
                [.. items.Expressions.Select(item => item.ToString())],
            InitializerExpressionSyntax items => [.. items.Expressions.Select(item => item.ToString())],
            _ => null,
        };
    }

    private static ITypeSymbol? Symbol(INamedTypeSymbol type, ExpressionSyntax expression) => expression switch
    {
        IdentifierNameSyntax name => type.InstanceConstructors
            .SelectMany(constructor => constructor.Parameters)
            .FirstOrDefault(parameter => parameter.Name == name.Identifier.ValueText)?.Type
            ?? Members(type, name.Identifier.ValueText).OfType<IFieldSymbol>().FirstOrDefault()?.Type,
        MemberAccessExpressionSyntax access when Symbol(type, access.Expression) is { } owner =>
            owner is IArrayTypeSymbol
                ? owner.BaseType?.GetMembers("Length")
                    .OfType<IPropertySymbol>().FirstOrDefault()?.Type
                : Members(owner, access.Name.Identifier.ValueText)
                    .Where(member => member.DeclaredAccessibility is Accessibility.Public or Accessibility.Internal)
                    .Select(member => member switch
                    {
                        IPropertySymbol property => property.Type,
                        IFieldSymbol field => field.Type,
                        _ => null,
                    })
                    .FirstOrDefault(found => found is not null),
        ElementAccessExpressionSyntax element => Symbol(type, element.Expression) switch
        {
            IArrayTypeSymbol array => array.ElementType,
            INamedTypeSymbol { TypeArguments: [var item] } => item,
            _ => null,
        },
        _ => null,
    };

    private static INamedTypeSymbol? Type(INamedTypeSymbol from, string name)
    {
        // The types of the parameters are known whatever usings there are.
        if (from.InstanceConstructors.SelectMany(constructor => constructor.Parameters)
            .Select(parameter => parameter.Type)
            .OfType<INamedTypeSymbol>()
            .FirstOrDefault(type => type.Name == name) is { } ofParameter)
        {
            return ofParameter;
        }

        for (var current = from; current is not null; current = current.ContainingType)
        {
            if (current.GetTypeMembers(name).FirstOrDefault() is { } nested)
            {
                return nested;
            }
        }

        for (var space = from.ContainingNamespace; space is not null; space = space.ContainingNamespace)
        {
            if (space.GetTypeMembers(name).FirstOrDefault() is { } found)
            {
                return found;
            }
        }

        return null;
    }

    private static IEnumerable<ISymbol> Members(ITypeSymbol type, string name)
    {
        for (var current = type; current is not null; current = current.BaseType)
        {
            foreach (var member in current.GetMembers(name))
            {
                yield return member;
            }
        }

        // An interface has the members of those that it extends: IReadOnlyList<T>.Count is IReadOnlyCollection<T>'s.
        if (type.TypeKind == TypeKind.Interface)
        {
            foreach (var member in type.AllInterfaces.SelectMany(extended => extended.GetMembers(name)))
            {
                yield return member;
            }
        }
    }
}
