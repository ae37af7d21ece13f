using Marrow.Generators.Declarations;

namespace Marrow.Generators.Emission;

/// <summary>The emitted forward method.</summary>
/// <param name="Result">Result type.</param>
/// <param name="Parameters">Parameter list.</param>
/// <param name="Arguments">Argument list.</param>
/// <param name="Method">The user's method.</param>
internal sealed record ForwardView(string Result, string Parameters, string Arguments, string Method)
{
    private const string Tensor = "global::TorchSharp.torch.Tensor";

    /// <summary>The call of the user's method.</summary>
    public string Call => $"{Method}({Arguments})";

    public static ForwardView? Of(ClassSpec type) => type.Forward is { Method: { } method } forward
        ? new ForwardView(
            forward.Result,
            List(forward.Inputs.Select(input => $"{input.Type} {input.Name}")),
            List(forward.Inputs.Select(input => input.Name)),
            method)
        : null;

    /// <summary>
    /// An architecture derives from <c>Model&lt;inputs, result&gt;</c>; a variant has its base already.
    /// </summary>
    public static string BaseClause(ClassSpec type) => type switch
    {
        { BaseKey: not null } => "",
        { Forward: { Method: not null, Error: null } forward } =>
            $" : global::Marrow.Model<{List(forward.Inputs.Select(input => input.Type).Append(forward.Result))}>",
        _ => $" : global::Marrow.Model<{Tensor}, {Tensor}>",
    };

    private static string List(IEnumerable<string> items) => string.Join(", ", items);
}
