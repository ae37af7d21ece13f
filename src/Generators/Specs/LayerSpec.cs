using Marrow.Generators.Equatable;

namespace Marrow.Generators.Specs;

/// <summary>A layer property as declared.</summary>
/// <param name="Property">The property.</param>
internal abstract record LayerSpec(PropertySpec Property)
{
    /// <summary>The sizes that must be positive, each with the words a message uses for it.</summary>
    public virtual IEnumerable<(string What, string Argument, SizeExpression Size)> Sizes => [];

    /// <summary>All expressions of the declaration, each with the attribute argument it stands in.</summary>
    public virtual IEnumerable<(string Argument, SizeExpression Expression)> Expressions =>
        Sizes.Select(size => (size.Argument, size.Size));

    /// <summary>Adapters and quantizers on the property.</summary>
    public virtual IEnumerable<AnnotationSpec> Annotations => [];

    /// <summary>The same layer with every expression evaluated.</summary>
    public abstract LayerSpec Evaluate(Func<SizeExpression, SizeExpression> evaluate);
}

/// <summary>The property that declares a layer.</summary>
/// <param name="Name">Its C# name.</param>
/// <param name="LayerName">Its name in checkpoints, relative to the class.</param>
/// <param name="Modifiers">Its modifiers as written, with <c>partial</c>.</param>
/// <param name="Type">Its type as C# text.</param>
/// <param name="Attribute">The layer attribute's name without suffix: <c>Linear</c>.</param>
/// <param name="Fault">What is wrong with the property (MRW002), or null.</param>
internal sealed record PropertySpec(
    string Name, string LayerName, string Modifiers, string Type, string Attribute, string? Fault)
{
    /// <summary>The emitted backing field.</summary>
    public string Field => "__" + Name;
}

internal sealed record LinearSpec(
    PropertySpec Property,
    SizeExpression In,
    SizeExpression Out,
    SizeExpression Bias,
    string? Tie,
    SizeExpression.Invalid? TieFault,
    SizeExpression TieWhen,
    EquatableArray<AdapterSpec> Adapters,
    QuantizeSpec? Quantizer,
    SizeExpression? Tokens,
    bool PositiveInput) : LayerSpec(Property)
{
    public override IEnumerable<AnnotationSpec> Annotations =>
        Quantizer is null ? Adapters : Adapters.Append<AnnotationSpec>(Quantizer);

    public override IEnumerable<(string, string, SizeExpression)> Sizes =>
        Tokens is null
            ? [("input features", "inFeatures", In), ("output features", "outFeatures", Out)]
            : [("input features", "inFeatures", In), ("output features", "outFeatures", Out), ("tokens", "Tokens", Tokens)];

    public override IEnumerable<(string, SizeExpression)> Expressions =>
        base.Expressions.Concat([("Bias", Bias), ("TieWhen", TieWhen)]).Concat(TieFault is null ? [] : [("Tie", TieFault)]);

    public override LayerSpec Evaluate(Func<SizeExpression, SizeExpression> evaluate) => this with
    {
        In = evaluate(In),
        Out = evaluate(Out),
        Bias = evaluate(Bias),
        TieWhen = evaluate(TieWhen),
        Adapters = Adapters.Select(adapter => adapter.Evaluate(evaluate)).ToEquatable(),
        Quantizer = Quantizer?.Evaluate(evaluate),
        Tokens = Tokens is null ? null : evaluate(Tokens),
    };
}

internal sealed record Conv2dSpec(
    PropertySpec Property,
    SizeExpression In,
    SizeExpression Out,
    SizeExpression Kernel,
    SizeExpression Stride,
    SizeExpression Padding,
    SizeExpression Groups,
    SizeExpression Bias,
    SizeExpression? Tokens,
    QuantizeSpec? Quantizer) : LayerSpec(Property)
{
    public override IEnumerable<AnnotationSpec> Annotations => Quantizer is null ? [] : [Quantizer];

    public override IEnumerable<(string, string, SizeExpression)> Sizes
    {
        get
        {
            IEnumerable<(string, string, SizeExpression)> sizes =
            [
                ("input channels", "inChannels", In), ("output channels", "outChannels", Out), ("kernel", "kernel", Kernel),
                ("stride", "Stride", Stride), ("groups", "Groups", Groups),
            ];
            return Tokens is null ? sizes : sizes.Append(("tokens", "Tokens", Tokens));
        }
    }

    public override IEnumerable<(string, SizeExpression)> Expressions =>
        base.Expressions.Concat([("Padding", Padding), ("Bias", Bias)]);

    public override LayerSpec Evaluate(Func<SizeExpression, SizeExpression> evaluate) => this with
    {
        In = evaluate(In),
        Out = evaluate(Out),
        Kernel = evaluate(Kernel),
        Stride = evaluate(Stride),
        Padding = evaluate(Padding),
        Groups = evaluate(Groups),
        Bias = evaluate(Bias),
        Tokens = Tokens is null ? null : evaluate(Tokens),
        Quantizer = Quantizer?.Evaluate(evaluate),
    };
}

internal sealed record AttentionSpec(
    PropertySpec Property,
    SizeExpression Dim,
    SizeExpression Heads,
    SizeExpression QkvBias,
    SizeExpression Window,
    SizeExpression Shift,
    SizeExpression? Tokens,
    QuantizeSpec? Quantizer,
    bool IsQkr) : LayerSpec(Property)
{
    private static readonly SizeExpression True = new SizeExpression.Literal(true);

    public override IEnumerable<AnnotationSpec> Annotations => Quantizer is null ? [] : [Quantizer];

    public override IEnumerable<(string, string, SizeExpression)> Sizes => Tokens is null
        ? [("dimension", "dim", Dim), ("heads", "heads", Heads)]
        : [("dimension", "dim", Dim), ("heads", "heads", Heads), ("tokens", "Tokens", Tokens)];

    public override IEnumerable<(string, SizeExpression)> Expressions =>
        base.Expressions.Concat([("QkvBias", QkvBias), ("Window", Window), ("Shift", Shift)]);

    /// <summary>Positions that the layer sees: those of a window, if it has windows.</summary>
    public SizeExpression? Positions => Window.Integer is 0
        ? Tokens
        : Window.Integer is { } window ? new SizeExpression.Literal(window * window) : new SizeExpression.Binary("*", Window, Window);

    /// <summary>The layers that the attention is made of.</summary>
    public IEnumerable<LayerSpec> Parts
    {
        get
        {
            yield return Linear("qkv", Dim.Integer is { } dim ? new SizeExpression.Literal(3 * dim) : new SizeExpression.Binary("*", new SizeExpression.Literal(3L), Dim), QkvBias);
            yield return Linear("proj", Dim, True);
            if (Window.Integer is not 0)
            {
                var twice = new SizeExpression.Binary("*", new SizeExpression.Literal(2L), Window);
                var edge = new SizeExpression.Binary("-", twice, new SizeExpression.Literal(1L));
                yield return new TensorSpec(
                    Property with { LayerName = "relative_position_bias_table" },
                    new[] { new SizeExpression.Binary("*", edge, edge).Evaluate(_ => null), Heads }.ToEquatable(),
                    "Normal",
                    0.02);
            }
        }
    }

    public override LayerSpec Evaluate(Func<SizeExpression, SizeExpression> evaluate) => this with
    {
        Dim = evaluate(Dim),
        Heads = evaluate(Heads),
        QkvBias = evaluate(QkvBias),
        Window = evaluate(Window),
        Shift = evaluate(Shift),
        Tokens = Tokens is null ? null : evaluate(Tokens),
        Quantizer = Quantizer?.Evaluate(evaluate),
    };

    private LinearSpec Linear(string name, SizeExpression outFeatures, SizeExpression bias) => new(
        Property with { LayerName = name }, Dim, outFeatures, bias, null, null, True, default, null, Positions, PositiveInput: false);
}

internal sealed record EmbeddingSpec(PropertySpec Property, SizeExpression Rows, SizeExpression Dim) : LayerSpec(Property)
{
    public override IEnumerable<(string, string, SizeExpression)> Sizes => [("count", "count", Rows), ("dimension", "dim", Dim)];

    public override LayerSpec Evaluate(Func<SizeExpression, SizeExpression> evaluate) => this with
    {
        Rows = evaluate(Rows),
        Dim = evaluate(Dim),
    };
}

internal sealed record RmsNormSpec(PropertySpec Property, SizeExpression Dim, SizeExpression Eps) : LayerSpec(Property)
{
    public override IEnumerable<(string, string, SizeExpression)> Sizes => [("dimension", "dim", Dim)];

    public override IEnumerable<(string, SizeExpression)> Expressions => base.Expressions.Concat([("Eps", Eps)]);

    public override LayerSpec Evaluate(Func<SizeExpression, SizeExpression> evaluate) => this with { Dim = evaluate(Dim), Eps = evaluate(Eps) };
}

internal sealed record LayerNormSpec(
    PropertySpec Property, SizeExpression Dim, SizeExpression Eps, SizeExpression Bias) : LayerSpec(Property)
{
    public override IEnumerable<(string, string, SizeExpression)> Sizes => [("dimension", "dim", Dim)];

    public override IEnumerable<(string, SizeExpression)> Expressions =>
        base.Expressions.Concat([("Eps", Eps), ("Bias", Bias)]);

    public override LayerSpec Evaluate(Func<SizeExpression, SizeExpression> evaluate) => this with
    {
        Dim = evaluate(Dim),
        Eps = evaluate(Eps),
        Bias = evaluate(Bias),
    };
}

internal sealed record DropoutSpec(PropertySpec Property, SizeExpression Probability) : LayerSpec(Property)
{
    public override IEnumerable<(string, SizeExpression)> Expressions => [("p", Probability)];

    public override LayerSpec Evaluate(Func<SizeExpression, SizeExpression> evaluate) => this with { Probability = evaluate(Probability) };
}

/// <summary>[Parameter]; <paramref name="Init"/> is the name of a <c>ParameterInit</c>.</summary>
internal sealed record TensorSpec(
    PropertySpec Property, EquatableArray<SizeExpression> Shape, string Init, double Std) : LayerSpec(Property)
{
    public override IEnumerable<(string, string, SizeExpression)> Sizes =>
        Shape.Select((size, i) => ($"size {i}", $"sizes#{i}", size));

    public override LayerSpec Evaluate(Func<SizeExpression, SizeExpression> evaluate) => this with { Shape = Shape.Select(evaluate).ToEquatable() };
}

/// <summary>[Buffer]; <paramref name="Init"/> is the method that computes it, or null.</summary>
internal sealed record BufferSpec(
    PropertySpec Property,
    EquatableArray<SizeExpression> Shape,
    string? Init,
    SizeExpression.Invalid? InitFault) : LayerSpec(Property)
{
    public override IEnumerable<(string, SizeExpression)> Expressions =>
        base.Expressions.Concat(InitFault is null ? [] : [("Init", InitFault)]);

    public override IEnumerable<(string, string, SizeExpression)> Sizes =>
        Shape.Select((size, i) => ($"size {i}", $"sizes#{i}", size));

    public override LayerSpec Evaluate(Func<SizeExpression, SizeExpression> evaluate) => this with { Shape = Shape.Select(evaluate).ToEquatable() };
}

/// <summary>[Block].</summary>
/// <param name="Property">The property.</param>
/// <param name="TypeKey">Key of the nested model, or null for a hand-written module.</param>
/// <param name="ElementType">The module's type as C# text.</param>
/// <param name="Arguments">Its constructor arguments.</param>
/// <param name="Count">How many, or null for a single one.</param>
/// <param name="Recomputes">Whether the property carries [Recompute].</param>
internal sealed record BlockSpec(
    PropertySpec Property,
    string? TypeKey,
    string ElementType,
    EquatableArray<SizeExpression> Arguments,
    SizeExpression? Count,
    bool Recomputes) : LayerSpec(Property)
{
    public override IEnumerable<(string, string, SizeExpression)> Sizes =>
        Count is null ? [] : [("count", "Count", Count)];

    public override IEnumerable<(string, SizeExpression)> Expressions =>
        base.Expressions.Concat(Arguments.Select((argument, i) => ($"arguments#{i}", argument)));

    public override LayerSpec Evaluate(Func<SizeExpression, SizeExpression> evaluate) => this with
    {
        Arguments = Arguments.Select(evaluate).ToEquatable(),
        Count = Count is null ? null : evaluate(Count),
    };
}

/// <summary>A layer attribute that is still being typed; the property gets a throwing body and no diagnostic.</summary>
internal sealed record UnreadableSpec(PropertySpec Property) : LayerSpec(Property)
{
    public override LayerSpec Evaluate(Func<SizeExpression, SizeExpression> evaluate) => this;
}
