using Marrow.Generators.Equatable;
using Marrow.Generators.Sizes;

namespace Marrow.Generators.Declarations;

/// <summary>A layer that is one of TorchSharp's own modules.</summary>
/// <param name="Property">The property.</param>
/// <param name="Kind">Which module.</param>
/// <param name="Values">The arguments that are given, in the order of the kind's.</param>
internal sealed record TorchLayerSpec(
    PropertySpec Property, TorchLayerKind Kind, EquatableArray<TorchValue> Values) : LayerSpec(Property)
{
    /// <summary>An argument by name: as given, or what it is otherwise; null if TorchSharp decides.</summary>
    public SizeExpression? this[string argument] =>
        Values.FirstOrDefault(value => value.Name == argument)?.Value
        ?? (Kind.Arguments.First(candidate => candidate.Name == argument).Default is { } usual
            ? new SizeExpression.Literal(usual)
            : null);

    private bool IsPooling => Kind.Factory.Contains("Pool");

    private protected override IEnumerable<Argument> OwnArguments => Values.Select(value =>
        new Argument(value.Name, value.Value, Kind[value.Name].Kind, Kind[value.Name].What));

    private protected override IEnumerable<ArgumentError> OwnRangeErrors(string layer)
    {
        foreach (var value in Values)
        {
            var error = value.Name switch
            {
                "Dropout" when value.Value.Number is < 0 or >= 1 => Range(
                    value.Name, $"Dropout of layer '{layer}' is {value.Value}; it must be in 0 to 1 (1 excluded)"),
                "Momentum" when value.Value.Number is < 0 or > 1 => Range(
                    value.Name, $"Momentum of layer '{layer}' is {value.Value}; it must be in 0 to 1"),
                "OutputPadding" when value.Value.Integer >= Math.Max(
                    this["Stride"]!.Integer ?? long.MaxValue, this["Dilation"]!.Integer ?? long.MaxValue) => Range(
                    value.Name,
                    $"OutputPadding {value.Value} of layer '{layer}' must be smaller than its stride or its dilation"),
                "Padding" when IsPooling && value.Value.Integer > this["kernel"]!.Integer / 2 => Range(
                    value.Name,
                    $"Padding {value.Value} of layer '{layer}' is more than half its kernel {this["kernel"]}"),
                "Eps" or "Padding" or "OutputPadding" => NotNegative(layer, value.Name, value.Value),
                _ => null,
            };
            if (error is not null)
            {
                yield return error;
            }
        }

        foreach (var (divisor, sizes) in Kind.Divisors)
        {
            if (this[divisor]?.Integer is > 0 and { } number
                && sizes.FirstOrDefault(size => this[size]?.Integer % number is not (null or 0)) is { } odd)
            {
                yield return Range(
                    divisor, $"{divisor} {number} of layer '{layer}' does not divide its {Kind[odd].What} {this[odd]}");
            }
        }
    }

    public override long? ParameterCount => Kind.Count(this);

    public override string Shape => Kind.Shape(this);

    public override string? Formula => null;

    /// <summary>The call of TorchSharp's factory.</summary>
    public string Create(Func<SizeExpression, string> print)
    {
        var arguments = Kind.Arguments
            .Where(argument => argument.IsRequired)
            .Select(argument => print(this[argument.Name]!))
            .Concat(Values
                .Where(value => !Kind[value.Name].IsRequired)
                .Select(value => $"{Kind[value.Name].Factory}: {print(value.Value)}"));
        return $"global::TorchSharp.torch.nn.{Kind.Factory}({string.Join(", ", arguments)})";
    }

    private protected override LayerSpec EvaluateOwn(Func<SizeExpression, SizeExpression> evaluate) =>
        this with { Values = Values.Select(value => value with { Value = evaluate(value.Value) }).ToEquatable() };
}

/// <summary>A given argument of such a layer.</summary>
internal sealed record TorchValue(string Name, SizeExpression Value);
