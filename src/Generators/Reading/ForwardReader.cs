using Marrow.Generators.Declarations;
using Marrow.Generators.Equatable;
using Marrow.Generators.Sizes;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Marrow.Generators.Reading;

/// <summary>Reads the [Forward] method of a class.</summary>
internal static class ForwardReader
{
    private const int MostInputs = 6;

    public static ForwardSpec Read(INamedTypeSymbol type)
    {
        var methods = Methods(type).ToList();
        if (methods.Count == 0)
        {
            return Overriding(type) is { } own
                ? ForwardSpec.None with { Inputs = Inputs(own), Result = own.ReturnType.Text() }
                : ForwardSpec.None;
        }

        var method = methods[0];
        return new ForwardSpec(
            Symbols.Escape(method.Name),
            Inputs(method),
            method.ReturnType.Text(),
            method.ReturnType.FullName() == KnownNames.Tensor,
            methods.Count > 1
                ? new($"'{methods[1].Name}' is a second [Forward] method; a model has one", Method: 1)
                : Error(method) is { } error ? new(error) : null);
    }

    /// <summary>The user's own <c>forward</c>, whose base's inputs its class needs for it to be one.</summary>
    private static IMethodSymbol? Overriding(INamedTypeSymbol type) =>
        type.GetMembers("forward").OfType<IMethodSymbol>().FirstOrDefault(
            method => method is { IsOverride: true, ReturnsVoid: false, Parameters.Length: > 0 and <= MostInputs });

    private static EquatableArray<ParameterSpec> Inputs(IMethodSymbol method) => method.Parameters
        .Select(parameter => new ParameterSpec(
            Symbols.Escape(parameter.Name), parameter.Type.Text(), Default(parameter)))
        .ToEquatable();

    public static IEnumerable<IMethodSymbol> Methods(INamedTypeSymbol type) =>
        type.GetMembers().OfType<IMethodSymbol>().Where(method => method.HasAttribute(KnownNames.Forward));

    private static string? Error(IMethodSymbol method) => method switch
    {
        { Name: "forward" } =>
            "the [Forward] method must not be named 'forward', which the emitted code overrides; name it 'Network'",
        { IsStatic: true } => $"the [Forward] method '{method.Name}' must not be static",
        { IsGenericMethod: true } => $"the [Forward] method '{method.Name}' must not be generic",
        { ReturnsVoid: true } => $"the [Forward] method '{method.Name}' returns nothing; return the result",
        { IsAsync: true } => $"the [Forward] method '{method.Name}' must not be async",
        { Parameters.Length: 0 or > MostInputs } =>
            $"the [Forward] method '{method.Name}' takes {method.Parameters.Length} arguments; 1 to {MostInputs} are "
                + "supported",
        _ when method.ReturnsByRef || method.ReturnsByRefReadonly
            || method.Parameters.Any(parameter => parameter.RefKind != RefKind.None) =>
            $"the [Forward] method '{method.Name}' must not pass by reference",
        _ when ResultReader.Error(method.ReturnType) is { } error =>
            $"the [Forward] method '{method.Name}' returns "
                + $"{method.ReturnType.ToDisplayString(SymbolDisplayFormat.MinimallyQualifiedFormat)}, "
                + $"{error}; supported are tensors, and tuples, "
                + "arrays, lists, dictionaries, records, classes and structs of them",
        _ => null,
    };

    /// <summary>The default of an input as C#; null if there is none.</summary>
    private static SizeExpression.Opaque? Default(IParameterSymbol parameter) => parameter.HasExplicitDefaultValue
        ? new(
            parameter.ExplicitDefaultValue switch
            {
                null => "default",
                var number when parameter.Type.TypeKind == TypeKind.Enum || IsNullableEnum(parameter.Type) =>
                    $"({parameter.Type.Text().TrimEnd('?')})({SymbolDisplay.FormatPrimitive(number, true, false)})",
                double number => new SizeExpression.Literal(number).ToString(),
                float number => $"(float){new SizeExpression.Literal((double)number)}",
                decimal number => FormattableString.Invariant($"{number}m"),
                var value => SymbolDisplay.FormatPrimitive(value, quoteStrings: true, useHexadecimalNumbers: false),
            },
            "")
        : null;

    private static bool IsNullableEnum(ITypeSymbol type) => type is INamedTypeSymbol
    {
        OriginalDefinition.SpecialType: SpecialType.System_Nullable_T,
        TypeArguments: [{ TypeKind: TypeKind.Enum }],
    };
}
