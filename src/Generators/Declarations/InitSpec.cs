using Marrow.Generators.Diagnostics;
using Marrow.Generators.Sizes;

namespace Marrow.Generators.Declarations;

/// <summary>What a weight starts with.</summary>
/// <param name="Kind">The distribution.</param>
/// <param name="Std">The standard deviation of a normal one.</param>
internal sealed record InitSpec(ParameterInit Kind, SizeExpression Std)
{
    public Argument Argument => new("Std", Std, ValueKind.Number);

    public InitSpec Evaluate(Func<SizeExpression, SizeExpression> evaluate) => this with { Std = evaluate(Std) };

    public IEnumerable<ArgumentError> RangeErrors(string layer) => Std.Number is null or >= 0
        ? []
        : [new("Std", $"Std of layer '{layer}' is {Std}; it must not be negative", DiagnosticIds.LayerOption)];
}
