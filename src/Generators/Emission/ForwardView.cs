using Marrow.Generators.Declarations;

namespace Marrow.Generators.Emission;

/// <summary>The emitted forward method.</summary>
/// <param name="Result">Result type.</param>
/// <param name="Parameters">Parameter list.</param>
/// <param name="Arguments">Argument list.</param>
/// <param name="Method">The user's method.</param>
/// <param name="Scope">The variable that holds the dispose scope.</param>
/// <param name="HasDefaults">Whether an input may be left out.</param>
internal sealed record ForwardView(
    string Result, string Parameters, string Arguments, string Method, string Scope, bool HasDefaults)
{
    private const string Tensor = "global::TorchSharp.torch.Tensor";

    /// <summary>The call of the user's method.</summary>
    public string Call => $"{Method}({Arguments})";

    public static ForwardView? Of(ClassSpec type)
    {
        if (type.Forward is not { Method: { } method } forward)
        {
            return null;
        }

        // The user's inputs may have the names that would stand here.
        var names = forward.Inputs.Select(input => input.Name).ToList();
        var scope = "scope";
        while (names.Contains(scope))
        {
            scope += "_";
        }

        return new ForwardView(
            forward.Result,
            List(forward.Inputs.Select(
                input => $"{input.Type} {input.Name}{(input.Default is { } value ? $" = {value}" : "")}")),
            List(names),
            names.Contains(method) || method == scope ? $"this.{method}" : method,
            scope,
            forward.Inputs.Any(input => input.Default is not null));
    }

    /// <summary>
    /// An architecture derives from <c>Model&lt;inputs, result&gt;</c>; a variant has its base already.
    /// </summary>
    public static string BaseClause(ClassSpec type) => type switch
    {
        { BaseKey: not null } => "",
        { Forward: { Inputs.Count: > 0, Error: null } forward } =>
            $" : global::Marrow.Model<{List(forward.Inputs.Select(input => input.Type).Append(forward.Result))}>",
        _ => $" : global::Marrow.Model<{Tensor}, {Tensor}>",
    };

    private static string List(IEnumerable<string> items) => string.Join(", ", items);
}
