using Marrow.Generators.Diagnostics;
using Marrow.Generators.Equatable;
using Marrow.Generators.Sizes;

namespace Marrow.Generators.Declarations;

/// <summary>A layer property as declared.</summary>
/// <param name="Property">The property.</param>
internal abstract record LayerSpec(PropertySpec Property)
{
    /// <summary>All expressions of the declaration.</summary>
    public IEnumerable<Argument> Arguments => OwnArguments.Concat(Property.Arguments);

    /// <summary>Adapters on the property.</summary>
    public EquatableArray<AdapterSpec> Adapters { get; init; }

    /// <summary>The quantizer on the property, or null.</summary>
    public QuantizeSpec? Quantizer { get; init; }

    /// <summary>Adapters and quantizers on the property.</summary>
    public IEnumerable<AnnotationSpec> Annotations =>
        Quantizer is null ? Adapters : Adapters.Append<AnnotationSpec>(Quantizer);

    /// <summary>
    /// The sizes of the weight as the matrix [out, in] that an adapter changes; null if there is none, or a size is
    /// known only at run time.
    /// </summary>
    /// <exception cref="OverflowException">One is more than a 64-bit integer holds.</exception>
    public virtual (long? In, long? Out) Matrix => (null, null);

    /// <summary>How many copies there are, or null for a single layer.</summary>
    public SizeExpression? Count => Property.Count;

    /// <summary>Whether the layer is certainly left out.</summary>
    public bool IsLeftOut => Property.When?.Value is false;

    /// <summary>Whether the copies differ: an argument names the number of the copy.</summary>
    public bool HasCopyIndex => OwnArguments.SelectMany(argument => argument.Value.Names)
        .Contains(SizeExpression.CopyIndex);

    /// <summary>The expressions of this kind of layer.</summary>
    private protected abstract IEnumerable<Argument> OwnArguments { get; }

    /// <summary>The same layer with every expression evaluated.</summary>
    public LayerSpec Evaluate(Func<SizeExpression, SizeExpression> evaluate) =>
        EvaluateOwn(evaluate) with
        {
            Property = Property.Evaluate(evaluate),
            Adapters = Adapters.Select(adapter => adapter.Evaluate(evaluate)).ToEquatable(),
            Quantizer = Quantizer?.Evaluate(evaluate),
        };

    /// <summary>The same layer with the expressions of its kind evaluated.</summary>
    private protected abstract LayerSpec EvaluateOwn(Func<SizeExpression, SizeExpression> evaluate);

    /// <summary>Values out of range, other than sizes that are not positive.</summary>
    public IEnumerable<ArgumentError> RangeErrors(string layer) =>
        OwnRangeErrors(layer).Concat(Property.Init?.RangeErrors(layer) ?? []);

    /// <summary>Those of this kind of layer.</summary>
    private protected virtual IEnumerable<ArgumentError> OwnRangeErrors(string layer) => [];

    /// <summary>Parameters without adapters and quantizers; null if a size is known only at run time.</summary>
    /// <exception cref="OverflowException">There are more than a 64-bit integer holds.</exception>
    public virtual long? ParameterCount => 0;

    /// <summary>The shape in words, for the plan.</summary>
    public virtual string Shape => "";

    /// <summary>What the layer computes, with shapes; null for a block, which has a file of its own.</summary>
    public virtual string? Formula => null;

    private protected static ArgumentError? NotNegative(string layer, string argument, SizeExpression value) =>
        value.Number < 0 ? Range(argument, $"{argument} of layer '{layer}' is {value}; it must not be negative") : null;

    private protected static ArgumentError? NegativeEps(string layer, SizeExpression value) =>
        NotNegative(layer, "Eps", value);

    private protected static ArgumentError Range(string argument, string message) =>
        new(argument, message, DiagnosticIds.LayerOption);

    private protected static Argument Size(string name, SizeExpression value, string what) =>
        new(name, value, ValueKind.Integer, what);

    private protected static Argument? TokenCount(SizeExpression? tokens) =>
        tokens is null ? null : Size("Tokens", tokens, "tokens");

    private protected static string PlusBias(SizeExpression bias) => bias.Value is false ? "" : " + b";
}

/// <summary>[Linear].</summary>
internal sealed record LinearSpec(
    PropertySpec Property,
    SizeExpression In,
    SizeExpression Out,
    SizeExpression Bias,
    string? Tie,
    SizeExpression.Invalid? TieError,
    SizeExpression TieWhen,
    SizeExpression? Tokens,
    bool PositiveInput) : LayerSpec(Property)
{
    /// <summary>Whether Bias is written out.</summary>
    public bool WritesBias { get; init; }

    private protected override IEnumerable<ArgumentError> OwnRangeErrors(string layer) =>
        Tie is not null && TieWhen.Value is true && WritesBias && Bias.Value is true
            ? [Range("Bias", $"Layer '{layer}' shares the weight of '{Tie}', so it has no bias; leave Bias out")]
            : [];

    /// <summary>Whether the weight is certainly the layer's own.</summary>
    public bool IsUntied => Tie is null || TieWhen.Value is false;

    public override (long? In, long? Out) Matrix => (In.Integer, Out.Integer);

    private protected override IEnumerable<Argument> OwnArguments => new[]
    {
        Size("inFeatures", In, "input features"),
        Size("outFeatures", Out, "output features"),
        TokenCount(Tokens),
        new Argument("Bias", Bias, ValueKind.Boolean),
        new Argument("TieWhen", TieWhen, ValueKind.Boolean),
        TieError is null ? null : new Argument("Tie", TieError, ValueKind.Any),
    }.OfType<Argument>();

    public override long? ParameterCount => (Tie, TieWhen.Value) switch
    {
        (not null, true) => 0,
        (not null, null) => null,
        _ => checked((In.Integer * Out.Integer) + (Bias.Value is bool bias ? bias ? Out.Integer : 0 : null)),
    };

    public override string Shape => Tie is { } tie && TieWhen.Value is true
        ? $"shares {tie}"
        : $"{In} → {Out}{(Bias.Value is true ? " + bias" : "")}";

    public override string? Formula => Tie is { } tie && TieWhen.Value is true
        ? $"y = x Eᵀ, E the weight of {tie}"
        : $"y = x Wᵀ{PlusBias(Bias)}, W [{Out}, {In}]";

    private protected override LayerSpec EvaluateOwn(Func<SizeExpression, SizeExpression> evaluate) => this with
    {
        In = evaluate(In),
        Out = evaluate(Out),
        Bias = evaluate(Bias),
        TieWhen = evaluate(TieWhen),
        Tokens = Tokens is null ? null : evaluate(Tokens),
    };
}

/// <summary>[Conv2d].</summary>
internal sealed record Conv2dSpec(
    PropertySpec Property,
    SizeExpression In,
    SizeExpression Out,
    SizeExpression Kernel,
    SizeExpression Stride,
    SizeExpression Padding,
    SizeExpression Groups,
    SizeExpression Bias,
    SizeExpression? Tokens) : LayerSpec(Property)
{
    public override (long? In, long? Out) Matrix =>
        (checked(In.Integer * Kernel.Integer * Kernel.Integer), Out.Integer);

    private protected override IEnumerable<Argument> OwnArguments => new[]
    {
        Size("inChannels", In, "input channels"),
        Size("outChannels", Out, "output channels"),
        Size("kernel", Kernel, "kernel"),
        Size("Stride", Stride, "stride"),
        Size("Groups", Groups, "groups"),
        TokenCount(Tokens),
        new Argument("Padding", Padding, ValueKind.Integer),
        new Argument("Bias", Bias, ValueKind.Boolean),
    }.OfType<Argument>();

    private protected override IEnumerable<ArgumentError> OwnRangeErrors(string layer)
    {
        if (NotNegative(layer, "Padding", Padding) is { } padding)
        {
            yield return padding;
        }

        if (Groups.Integer is > 0 and { } groups
            && (In.Integer is { } input && input % groups != 0 || Out.Integer is { } output && output % groups != 0))
        {
            yield return Range(
                "Groups",
                $"Groups {groups} of layer '{layer}' does not divide its {In} input and {Out} output channels");
        }
    }

    public override long? ParameterCount => Groups.Integer is > 0 and { } groups
        ? checked((In.Integer / groups * Out.Integer * Kernel.Integer * Kernel.Integer)
            + (Bias.Value is bool bias ? bias ? Out.Integer : 0 : null))
        : null;

    public override string Shape => $"{In} → {Out}, kernel {Kernel}{(Bias.Value is true ? " + bias" : "")}";

    public override string? Formula =>
        $"y = x ∗ W{PlusBias(Bias)}, W [{Out}, {In}{(Groups.Integer is 1 ? "" : $" / {Groups}")}, {Kernel}, {Kernel}]";

    private protected override LayerSpec EvaluateOwn(Func<SizeExpression, SizeExpression> evaluate) => this with
    {
        In = evaluate(In),
        Out = evaluate(Out),
        Kernel = evaluate(Kernel),
        Stride = evaluate(Stride),
        Padding = evaluate(Padding),
        Groups = evaluate(Groups),
        Bias = evaluate(Bias),
        Tokens = Tokens is null ? null : evaluate(Tokens),
    };
}

/// <summary>[Embedding].</summary>
internal sealed record EmbeddingSpec(
    PropertySpec Property, SizeExpression Rows, SizeExpression Dim, SizeExpression? PaddingIndex)
    : LayerSpec(Property)
{
    public override (long? In, long? Out) Matrix => (Rows.Integer, Dim.Integer);

    private protected override IEnumerable<Argument> OwnArguments => new[]
    {
        Size("rows", Rows, "count"),
        Size("dim", Dim, "dimension"),
        PaddingIndex is null ? null : new Argument("PaddingIndex", PaddingIndex, ValueKind.Integer),
    }.OfType<Argument>();

    private protected override IEnumerable<ArgumentError> OwnRangeErrors(string layer) =>
        PaddingIndex?.Integer < 0 || PaddingIndex?.Integer >= Rows.Integer
            ? [Range("PaddingIndex", $"PaddingIndex {PaddingIndex} of layer '{layer}' is none of its {Rows} ids")]
            : [];

    public override long? ParameterCount => checked(Rows.Integer * Dim.Integer);

    public override string Shape => $"{Rows} × {Dim}";

    public override string? Formula => $"y = E[id], E [{Rows}, {Dim}]";

    private protected override LayerSpec EvaluateOwn(Func<SizeExpression, SizeExpression> evaluate) => this with
    {
        Rows = evaluate(Rows),
        Dim = evaluate(Dim),
        PaddingIndex = PaddingIndex is null ? null : evaluate(PaddingIndex),
    };
}

/// <summary>[RmsNorm].</summary>
internal sealed record RmsNormSpec(
    PropertySpec Property, SizeExpression Dim, SizeExpression Eps, SizeExpression ZeroCentered) : LayerSpec(Property)
{
    private protected override IEnumerable<Argument> OwnArguments =>
    [
        Size("dim", Dim, "dimension"),
        new("Eps", Eps, ValueKind.Number),
        new("ZeroCentered", ZeroCentered, ValueKind.Boolean),
    ];

    private protected override IEnumerable<ArgumentError> OwnRangeErrors(string layer) =>
        NegativeEps(layer, Eps) is { } error ? [error] : [];

    public override long? ParameterCount => Dim.Integer;

    public override string Shape => Dim.ToString();

    public override string? Formula =>
        $"y = x / sqrt(mean x² + eps) · {(ZeroCentered.Value is true ? "(1 + w)" : "w")}, w [{Dim}]";

    private protected override LayerSpec EvaluateOwn(Func<SizeExpression, SizeExpression> evaluate) =>
        this with { Dim = evaluate(Dim), Eps = evaluate(Eps), ZeroCentered = evaluate(ZeroCentered) };
}

/// <summary>[LayerNorm].</summary>
internal sealed record LayerNormSpec(
    PropertySpec Property, SizeExpression Dim, SizeExpression Eps, SizeExpression Bias) : LayerSpec(Property)
{
    private protected override IEnumerable<Argument> OwnArguments =>
        [Size("dim", Dim, "dimension"), new("Eps", Eps, ValueKind.Number), new("Bias", Bias, ValueKind.Boolean)];

    private protected override IEnumerable<ArgumentError> OwnRangeErrors(string layer) =>
        NegativeEps(layer, Eps) is { } error ? [error] : [];

    public override long? ParameterCount =>
        checked(Bias.Value is bool bias ? bias ? 2 * Dim.Integer : Dim.Integer : null);

    public override string Shape => Dim.ToString();

    public override string? Formula => $"y = (x − mean) / sqrt(var + eps) · w{PlusBias(Bias)}, w [{Dim}]";

    private protected override LayerSpec EvaluateOwn(Func<SizeExpression, SizeExpression> evaluate) =>
        this with { Dim = evaluate(Dim), Eps = evaluate(Eps), Bias = evaluate(Bias) };
}

/// <summary>[Dropout].</summary>
internal sealed record DropoutSpec(PropertySpec Property, SizeExpression Probability) : LayerSpec(Property)
{
    private protected override IEnumerable<Argument> OwnArguments => [new("p", Probability, ValueKind.Number)];

    private protected override IEnumerable<ArgumentError> OwnRangeErrors(string layer) =>
        Probability.Number is < 0 or >= 1
        ? [Range("p", $"The probability of layer '{layer}' is {Probability}; it must be in 0 to 1 (1 excluded)")]
        : [];

    private protected override LayerSpec EvaluateOwn(Func<SizeExpression, SizeExpression> evaluate) =>
        this with { Probability = evaluate(Probability) };
}

/// <summary>[Parameter].</summary>
internal sealed record TensorSpec(PropertySpec Property, EquatableArray<SizeExpression> Sizes) : LayerSpec(Property)
{
    private protected override IEnumerable<Argument> OwnArguments =>
        Sizes.Select((size, i) => Size($"sizes#{i}", size, $"size {i}"));

    public override long? ParameterCount =>
        Sizes.Aggregate((long?)1, (product, size) => checked(product * size.Integer));

    public override string Shape => string.Join(" × ", Sizes);

    public override string? Formula => $"[{string.Join(", ", Sizes)}]";

    private protected override LayerSpec EvaluateOwn(Func<SizeExpression, SizeExpression> evaluate) =>
        this with { Sizes = Sizes.Select(evaluate).ToEquatable() };
}

/// <summary>[Buffer].</summary>
/// <param name="Property">The property.</param>
/// <param name="Sizes">Its sizes.</param>
/// <param name="Init">The method that computes it, or null.</param>
/// <param name="InitError">Why there is no such method, or null.</param>
/// <param name="IsPersistent">Whether it is part of the model's state.</param>
internal sealed record BufferSpec(
    PropertySpec Property,
    EquatableArray<SizeExpression> Sizes,
    string? Init,
    SizeExpression.Invalid? InitError,
    bool IsPersistent) : LayerSpec(Property)
{
    private protected override IEnumerable<Argument> OwnArguments => Sizes
        .Select((size, i) => Size($"sizes#{i}", size, $"size {i}"))
        .Concat(InitError is null ? [] : [new Argument("Init", InitError, ValueKind.Any)]);

    public override string Shape => string.Join(" × ", Sizes) + (IsPersistent ? " (buffer)" : " (table)");

    public override string? Formula => $"[{string.Join(", ", Sizes)}]";

    private protected override LayerSpec EvaluateOwn(Func<SizeExpression, SizeExpression> evaluate) =>
        this with { Sizes = Sizes.Select(evaluate).ToEquatable() };
}

/// <summary>[Block].</summary>
/// <param name="Property">The property.</param>
/// <param name="TypeKey">Key of the nested model, or null for a hand-written module.</param>
/// <param name="ElementType">The module's type as C# text.</param>
/// <param name="Parameters">Parameters of its constructor.</param>
/// <param name="Values">Its constructor arguments.</param>
/// <param name="Recomputes">Whether the property carries [Recompute].</param>
internal sealed record BlockSpec(
    PropertySpec Property,
    string? TypeKey,
    string ElementType,
    EquatableArray<ParameterSpec> Parameters,
    EquatableArray<SizeExpression> Values,
    bool Recomputes) : LayerSpec(Property)
{
    /// <summary>Whether another class can derive from the model, and take its place by [Replace].</summary>
    public bool IsReplaceable { get; init; }

    private protected override IEnumerable<Argument> OwnArguments => Values
        .Select((value, i) => new Argument($"arguments#{i}", value, ValueKind.Any));

    /// <summary>Of a hand-written module: known when it is built. A model is planned as its layers.</summary>
    public override long? ParameterCount => null;

    public override string Shape => ElementType.Replace("global::", "");

    private protected override LayerSpec EvaluateOwn(Func<SizeExpression, SizeExpression> evaluate) => this with
    {
        Values = Values.Select(evaluate).ToEquatable(),
    };
}

/// <summary>A layer attribute that is still being typed; the property gets a throwing body and no diagnostic.</summary>
internal sealed record UnreadableSpec(PropertySpec Property) : LayerSpec(Property)
{
    private protected override IEnumerable<Argument> OwnArguments => [];

    private protected override LayerSpec EvaluateOwn(Func<SizeExpression, SizeExpression> evaluate) => this;
}
