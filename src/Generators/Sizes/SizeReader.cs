using System.Text;
using Marrow.Generators.Equatable;
using Marrow.Shared;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Marrow.Generators.Sizes;

/// <summary>Reads C# expressions, from attribute strings and from base calls, as size expressions.</summary>
/// <param name="type">The class whose parameters and constants the expressions may name.</param>
/// <param name="parameters">The names of its constructor parameters.</param>
/// <param name="hasCopies">Whether <c>index</c> may be named, the number of a block's copy.</param>
internal sealed class SizeReader(INamedTypeSymbol type, IReadOnlyList<string> parameters, bool hasCopies = false)
{
    // Far beyond any real size, and far below what recursion over the syntax tree could not take.
    private const int MostCharacters = 500;
    private const int DeepestNesting = 100;

    /// <summary>A reader for the arguments of a repeated block.</summary>
    public SizeReader OfCopies => new(type, parameters, hasCopies: true);

    /// <summary>A size as an attribute holds it: a constant, or a string with an expression.</summary>
    public SizeExpression FromAttribute(TypedConstant argument) => argument switch
    {
        { Kind: TypedConstantKind.Primitive, Value: string text } => FromText(text),
        { Kind: TypedConstantKind.Primitive, Value: { } value } => FromConstant(value),
        { IsNull: true } => new SizeExpression.Invalid("null", "it is no size"),
        _ => new SizeExpression.Invalid(argument.ToCSharpString(), "it is no size"),
    };

    /// <summary>An expression over the class's parameters and constants.</summary>
    public SizeExpression FromText(string text)
    {
        if (text.Length > MostCharacters)
        {
            return new SizeExpression.Invalid(
                text.Substring(0, 20) + "…", $"it has more than {MostCharacters} characters");
        }

        var syntax = SyntaxFactory.ParseExpression(text);
        return syntax.ContainsDiagnostics || text.Trim().Length == 0
            ? new SizeExpression.Invalid(text, "it is no C# expression")
            : Convert(
                syntax,
                NamedValue,
                inner => inner is not MemberAccessExpressionSyntax access
                    ? new SizeExpression.Invalid(text, $"'{inner}' is not supported in a size")
                    : Static(access) ?? new SizeExpression.Invalid(text, SizeSymbols.NoSuchMember(type, access)),
                function: call => SizeSymbols.MathFunction(call));
    }

    /// <summary>An argument of the base call; what is not constant and not over the parameters stays opaque.</summary>
    public SizeExpression FromBaseCall(ExpressionSyntax syntax, SemanticModel semantics)
    {
        return Convert(syntax, Bound, inner => Written(inner) ?? Opaque(inner), Constant, IsInt32, Function);

        SizeExpression? Constant(ExpressionSyntax inner) => semantics.GetConstantValue(inner) switch
        {
            { HasValue: false } => null,
            { Value: null } => SizeExpression.Missing.Null,
            { Value: { } value } => FromConstant(value) is SizeExpression.Literal literal ? literal : Opaque(inner),
        };

        string? Function(InvocationExpressionSyntax call) =>
            semantics.GetSymbolInfo(call).Symbol is IMethodSymbol { ContainingType: { Name: "Math" } math }
                && math.ContainingNamespace.ToDisplayString() == "System"
                    ? SizeSymbols.MathFunction(call)
                    : null;

        // A configuration or a list that is written out here has known parts.
        SizeExpression.Record? Written(ExpressionSyntax inner) => inner switch
        {
            BaseObjectCreationExpressionSyntax creation
                when semantics.GetSymbolInfo(creation).Symbol is IMethodSymbol constructor =>
                Recorded(inner, Parts(creation, constructor, (_, value) => FromBaseCall(value, semantics))),
            _ => Items(inner) is { } items
                ? Recorded(inner, items.Select((item, i) => new SizeExpression.NamedSize(
                    $"{i}", FromBaseCall(item, semantics))))
                : null,
        };

        bool IsInt32(ExpressionSyntax inner) =>
            semantics.GetTypeInfo(inner).Type?.SpecialType == SpecialType.System_Int32;

        SizeExpression Bound(IdentifierNameSyntax name) => parameters.Contains(name.Identifier.ValueText)
            ? NameOf(name.Identifier.ValueText)
            : Opaque(name);
    }

    /// <summary>
    /// An argument that the generator recorded in another assembly, where nothing but the target's type says what its
    /// names mean; what is no size stays opaque.
    /// </summary>
    public SizeExpression FromRecord(string text, ITypeSymbol target) =>
        FromRecord(SyntaxFactory.ParseExpression(text), target);

    private SizeExpression FromRecord(ExpressionSyntax syntax, ITypeSymbol? target)
    {
        if (target is INamedTypeSymbol { OriginalDefinition.SpecialType: SpecialType.System_Nullable_T } nullable)
        {
            target = nullable.TypeArguments[0];
        }

        return (syntax, target) switch
        {
            (BaseObjectCreationExpressionSyntax creation, INamedTypeSymbol { IsRecord: true } record)
                when IsOf(creation, record)
                    && record.InstanceConstructors.OrderByDescending(one => one.Parameters.Length).FirstOrDefault()
                        is { } constructor =>
                Recorded(syntax, Parts(creation, constructor, (name, value) => FromRecord(
                    value,
                    constructor.Parameters.FirstOrDefault(parameter => parameter.Name == name)?.Type
                        ?? record.GetMembers(name).OfType<IPropertySymbol>().FirstOrDefault()?.Type))),
            (MemberAccessExpressionSyntax access, INamedTypeSymbol { TypeKind: TypeKind.Enum } owner)
                when Member(owner, access.Name.Identifier.ValueText) is { } member => member,
            _ when Items(syntax) is { } items => Recorded(
                syntax, items.Select((item, i) => new SizeExpression.NamedSize($"{i}", FromRecord(item, null)))),
            _ => FromText(syntax.ToString()) is { Error: null } expression ? expression : Opaque(syntax),
        };
    }

    private static bool IsOf(BaseObjectCreationExpressionSyntax creation, INamedTypeSymbol record) =>
        creation is not ObjectCreationExpressionSyntax { Type: var type }
        || type.ToString().Split('.', ':').Last() == record.Name;

    /// <summary>The items of a list that is written out, or null.</summary>
    private static IEnumerable<ExpressionSyntax>? Items(ExpressionSyntax syntax) => syntax switch
    {
        CollectionExpressionSyntax list when list.Elements.All(item => item is ExpressionElementSyntax) =>
            list.Elements.Select(item => ((ExpressionElementSyntax)item).Expression),
        ImplicitArrayCreationExpressionSyntax array => array.Initializer.Expressions,
        ArrayCreationExpressionSyntax { Initializer: { } items } => items.Expressions,
        _ => null,
    };

    private static SizeExpression.Record Recorded(
        ExpressionSyntax syntax, IEnumerable<SizeExpression.NamedSize> parts)
    {
        var opaque = Opaque(syntax);
        return new(opaque.Text, opaque.Identifiers, parts.ToEquatable());
    }

    /// <summary>
    /// The members of a configuration: the parameters of a record's constructor are their names, and an initializer
    /// names them itself.
    /// </summary>
    private static IEnumerable<SizeExpression.NamedSize> Parts(
        BaseObjectCreationExpressionSyntax creation,
        IMethodSymbol constructor,
        Func<string, ExpressionSyntax, SizeExpression> read)
    {
        var given = creation.Initializer?.Expressions.OfType<AssignmentExpressionSyntax>()
            .Where(assignment => assignment.Left is IdentifierNameSyntax)
            .Select(assignment => Part(
                ((IdentifierNameSyntax)assignment.Left).Identifier.ValueText, assignment.Right)) ?? [];
        if (!constructor.ContainingType.IsRecord)
        {
            return given;
        }

        var arguments = creation.ArgumentList?.Arguments ?? default;
        var positional = arguments.Select((argument, i) => Part(
            argument.NameColon?.Name.Identifier.ValueText
                ?? constructor.Parameters.ElementAtOrDefault(i)?.Name
                ?? "",
            argument.Expression));
        var defaults = constructor.Parameters
            .Where(parameter => parameter.HasExplicitDefaultValue)
            .Select(parameter => new SizeExpression.NamedSize(parameter.Name, Default(parameter)));
        return given.Concat(positional).Concat(defaults); // the first of a name counts

        SizeExpression.NamedSize Part(string name, ExpressionSyntax value) => new(name, read(name, value));
    }

    private static SizeExpression.EnumMember? Member(INamedTypeSymbol owner, string name) =>
        owner.GetMembers(name).OfType<IFieldSymbol>().FirstOrDefault() is { ConstantValue: { } value } field
            ? EnumMember(owner, field, value)
            : null;

    private static SizeExpression.EnumMember EnumMember(INamedTypeSymbol owner, IFieldSymbol field, object value)
    {
        var type = owner.ToDisplayString(SymbolDisplayFormat.FullyQualifiedFormat);
        return new(System.Convert.ToInt64(value), $"{type}.{field.Name}", type);
    }

    /// <summary>The value of a parameter that is not given; one that is no size stays opaque.</summary>
    public static SizeExpression Default(IParameterSymbol parameter) =>
        parameter switch
        {
            { HasExplicitDefaultValue: true, ExplicitDefaultValue: null } => SizeExpression.Missing.Null,
            { HasExplicitDefaultValue: true, ExplicitDefaultValue: { } value }
                when FromConstant(value) is SizeExpression.Literal literal => literal,
            _ => new SizeExpression.Opaque(parameter.Name, parameter.Name),
        };

    private static SizeExpression FromConstant(object value) => value switch
    {
        bool or string => new SizeExpression.Literal(value),
        float or double => new SizeExpression.Literal(System.Convert.ToDouble(value)),
        sbyte or byte or short or ushort or int or uint or long =>
            new SizeExpression.Literal(System.Convert.ToInt64(value)),
        _ => new SizeExpression.Invalid(value.ToString(), "it is no size"),
    };

    private static SizeExpression.Opaque Opaque(ExpressionSyntax syntax) => new(
        Line(syntax),
        string.Join(" ", syntax.DescendantTokens()
            .Where(token => token.IsKind(SyntaxKind.IdentifierToken))
            .Select(token => token.ValueText)
            .Distinct()));

    /// <summary>The text without line breaks and comments, as emitted comments can hold it.</summary>
    private static string Line(ExpressionSyntax syntax)
    {
        var text = new StringBuilder();
        foreach (var token in syntax.DescendantTokens())
        {
            var isApart = token.HasLeadingTrivia || token.GetPreviousToken().HasTrailingTrivia;
            text.Append(isApart && text.Length > 0 ? " " : "").Append(token.Text.Replace("\r", "").Replace('\n', ' '));
        }

        return text.ToString();
    }

    private SizeExpression NamedValue(IdentifierNameSyntax name)
    {
        var text = name.Identifier.ValueText;
        if (parameters.Contains(text))
        {
            return NameOf(text);
        }

        if (hasCopies && text == "index")
        {
            return new SizeExpression.Name(SizeExpression.CopyIndex, "int");
        }

        if (Constants().FirstOrDefault(field => field.Name == text) is { ConstantValue: { } value })
        {
            return FromConstant(value);
        }

        if (SizeSymbols.List(type, text) is { } list)
        {
            return new SizeExpression.Record(
                text,
                text,
                list.Select((item, i) => new SizeExpression.NamedSize($"{i}", FromText(item))).ToEquatable());
        }

        var nearest = Suggestion.Nearest(text, parameters.Concat(Constants().Select(field => field.Name)));
        var reason = $"'{text}' is no constructor parameter and no public or protected constant of {type.Name}";
        return new SizeExpression.Invalid(text, nearest is null ? reason : $"{reason}; did you mean '{nearest}'?");
    }

    private SizeExpression.Name NameOf(string parameter) => new(
        parameter,
        type.InstanceConstructors
            .SelectMany(constructor => constructor.Parameters)
            .FirstOrDefault(candidate => candidate.Name == parameter)?.Type.ToDisplayString());

    /// <summary>A constant or a member of an enum of another type: <c>Sizes.Width</c>.</summary>
    private SizeExpression? Static(MemberAccessExpressionSyntax access) => SizeSymbols.Static(type, access) switch
    {
        { ContainingType: { TypeKind: TypeKind.Enum } owner, ConstantValue: { } value } field =>
            EnumMember(owner, field, value),
        { ConstantValue: { } value } => FromConstant(value),
        _ => null,
    };

    private IEnumerable<IFieldSymbol> Constants()
    {
        for (var current = type; current is not null; current = current.BaseType)
        {
            foreach (var field in current.GetMembers().OfType<IFieldSymbol>())
            {
                var isVisible = field.DeclaredAccessibility
                    is Accessibility.Public or Accessibility.Protected or Accessibility.ProtectedOrInternal;
                if (field.IsConst && isVisible)
                {
                    yield return field;
                }
            }
        }
    }

    private SizeExpression Convert(
        ExpressionSyntax syntax,
        Func<IdentifierNameSyntax, SizeExpression> name,
        Func<ExpressionSyntax, SizeExpression> unsupported,
        Func<ExpressionSyntax, SizeExpression?>? constant = null,
        Func<ExpressionSyntax, bool>? isInt32 = null,
        Func<InvocationExpressionSyntax, string?>? function = null,
        int depth = 0)
    {
        if (depth > DeepestNesting)
        {
            return unsupported(syntax);
        }

        return constant?.Invoke(syntax) ?? syntax switch
        {
            ParenthesizedExpressionSyntax inner => Next(inner.Expression),
            IdentifierNameSyntax identifier => name(identifier),
            LiteralExpressionSyntax { Token.Value: int or long or uint or double or float or bool or string } literal =>
                FromConstant(literal.Token.Value!),
            LiteralExpressionSyntax literal when literal.IsKind(SyntaxKind.NullLiteralExpression) =>
                SizeExpression.Missing.Null,
            CheckedExpressionSyntax inner => Next(inner.Expression),
            CastExpressionSyntax
            {
                Type: PredefinedTypeSyntax { Keyword.Text: "int" or "long" or "double" } target
            } cast =>
                new SizeExpression.Call($"({target.Keyword.Text})", new([Next(cast.Expression)])),
            InvocationExpressionSyntax call when function?.Invoke(call) is { } known => new SizeExpression.Call(
                known, call.ArgumentList.Arguments.Select(argument => Next(argument.Expression)).ToEquatable()),
            MemberAccessExpressionSyntax access when SizeSymbols.Root(access) is { } root
                && parameters.Contains(root) && SizeSymbols.TypeOf(type, access) is { } member =>
                new SizeExpression.Member(Next(access.Expression), access.Name.Identifier.ValueText, member),
            ElementAccessExpressionSyntax { ArgumentList.Arguments: [var item] } element =>
                new SizeExpression.Element(
                    Next(element.Expression),
                    Next(item.Expression),
                    SizeSymbols.TypeOf(type, element) ?? "int"),
            PrefixUnaryExpressionSyntax unary when unary.IsKind(SyntaxKind.UnaryMinusExpression)
                || unary.IsKind(SyntaxKind.LogicalNotExpression) =>
                new SizeExpression.Unary(unary.OperatorToken.Text, Next(unary.Operand)),
            BinaryExpressionSyntax binary when SizeArithmetic.Knows(binary.OperatorToken.Text) =>
                new SizeExpression.Binary(binary.OperatorToken.Text, Next(binary.Left), Next(binary.Right))
                {
                    IsInt32 = isInt32?.Invoke(syntax) == true,
                },
            ConditionalExpressionSyntax conditional => new SizeExpression.Conditional(
                Next(conditional.Condition), Next(conditional.WhenTrue), Next(conditional.WhenFalse)),
            _ => unsupported(syntax),
        };

        SizeExpression Next(ExpressionSyntax inner) =>
            Convert(inner, name, unsupported, constant, isInt32, function, depth + 1);
    }
}
