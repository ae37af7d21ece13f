using Marrow.Generators.Sizes;

namespace Marrow.Generators.Declarations;

/// <summary>[Attention], which is planned as a block of the layers that it is made of.</summary>
internal sealed record AttentionSpec(
    PropertySpec Property,
    SizeExpression Dim,
    SizeExpression Heads,
    SizeExpression QkvBias,
    SizeExpression Window,
    SizeExpression Shift,
    SizeExpression? Tokens,
    string? Marker) : LayerSpec(Property)
{
    private static readonly SizeExpression True = new SizeExpression.Literal(true);

    private protected override IEnumerable<Argument> OwnArguments => new[]
    {
        Size("dim", Dim, "dimension"),
        Size("heads", Heads, "heads"),
        TokenCount(Tokens),
        new Argument("QkvBias", QkvBias, ValueKind.Boolean),
        new Argument("Window", Window, ValueKind.Integer),
        new Argument("Shift", Shift, ValueKind.Integer),
    }.OfType<Argument>();

    private protected override IEnumerable<ArgumentError> OwnRangeErrors(string layer)
    {
        if (NotNegative(layer, "Window", Window) is { } window)
        {
            yield return window;
        }
        else if (NotNegative(layer, "Shift", Shift) is { } shift)
        {
            yield return shift;
        }
        else if (Shift.Integer > 0 && Shift.Integer >= Window.Integer)
        {
            yield return Range("Shift", $"Shift {Shift} of layer '{layer}' is not smaller than its window of {Window}");
        }
    }

    public override string? Formula =>
        $"{Heads} heads: softmax(q kᵀ / sqrt(d){(Window.Integer is 0 ? "" : " + bias")}) v, then proj; width {Dim}";

    /// <summary>Positions that the layer sees: those of a window, if it has windows.</summary>
    public SizeExpression? Positions => Window.Integer is 0
        ? Tokens
        : new SizeExpression.Binary("*", Window, Window).Evaluate(_ => null);

    /// <summary>The layers that the attention is made of.</summary>
    public IEnumerable<LayerSpec> Parts
    {
        get
        {
            yield return Linear(
                "qkv",
                new SizeExpression.Binary("*", new SizeExpression.Literal(3L), Dim).Evaluate(_ => null),
                QkvBias);
            yield return Linear("proj", Dim, True);
            if (Window.Integer is not 0)
            {
                var twice = new SizeExpression.Binary("*", new SizeExpression.Literal(2L), Window);
                var edge = new SizeExpression.Binary("-", twice, new SizeExpression.Literal(1L));
                yield return new TensorSpec(
                    Property.Part("relative_position_bias_table"),
                    new([new SizeExpression.Binary("*", edge, edge).Evaluate(_ => null), Heads]));
            }
        }
    }

    private protected override LayerSpec EvaluateOwn(Func<SizeExpression, SizeExpression> evaluate) => this with
    {
        Dim = evaluate(Dim),
        Heads = evaluate(Heads),
        QkvBias = evaluate(QkvBias),
        Window = evaluate(Window),
        Shift = evaluate(Shift),
        Tokens = Tokens is null ? null : evaluate(Tokens),
    };

    private LinearSpec Linear(string name, SizeExpression outFeatures, SizeExpression bias) => new(
        Property.Part(name),
        Dim,
        outFeatures,
        bias,
        Tie: null,
        TieError: null,
        TieWhen: True,
        Positions,
        PositiveInput: false);
}
