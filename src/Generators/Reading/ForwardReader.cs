using Marrow.Generators.Declarations;
using Marrow.Generators.Equatable;
using Microsoft.CodeAnalysis;

namespace Marrow.Generators.Reading;

/// <summary>Reads the [Forward] method of a class.</summary>
internal static class ForwardReader
{
    private const int MostInputs = 3;

    public static ForwardSpec Read(INamedTypeSymbol type)
    {
        var methods = Methods(type).ToList();
        if (methods.Count == 0)
        {
            return ForwardSpec.None;
        }

        var method = methods[0];
        return new ForwardSpec(
            Symbols.Escape(method.Name),
            method.Parameters
                .Select(parameter => new ParameterSpec(Symbols.Escape(parameter.Name), parameter.Type.Text(), null))
                .ToEquatable(),
            method.ReturnType.Text(),
            method.ReturnType.FullName() == KnownNames.Tensor,
            methods.Count > 1
                ? new($"'{methods[1].Name}' is a second [Forward] method; a model has one", Method: 1)
                : Error(method) is { } error ? new(error) : null);
    }

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
        _ => null,
    };
}
