using Marrow.Generators.Sizes;

namespace Marrow.Generators.Declarations;

/// <summary>A linear layer's class: one for each combination of adapter, quantizer and their options.</summary>
/// <param name="Adapter">The adapter, or null.</param>
/// <param name="Quantizer">The quantizer, or null.</param>
internal sealed record LayerClass(AdapterSpec? Adapter, QuantizeSpec? Quantizer)
{
    /// <summary>
    /// Options that are expressions over the constructor's parameters: they are passed to each layer.
    /// </summary>
    public IEnumerable<Argument> RunTimeOptions => (Adapter?.Arguments ?? [])
        .Concat(Quantizer?.Arguments.Where(option => option.Name != "EndBits") ?? [])
        .Where(option => option.Value.Value is null);

    /// <summary>Adapter and quantizer in words.</summary>
    public string Words => (Adapter, Quantizer) switch
    {
        ({ } adapter, { } quantizer) => $"{adapter.Words} on {quantizer.Words}",
        ({ } adapter, null) => adapter.Words,
        (null, { } quantizer) => quantizer.Words,
        _ => "",
    };

    /// <summary>Name of the emitted class: <c>BoneRow64</c>, <c>W2A2</c>, <c>Lora8OnW4</c>.</summary>
    public string Name
    {
        get
        {
            var bits = Quantizer is null
                ? ""
                : $"{Quantizer.Weights.ClassName}W{Quantizer.Bits.Integer}"
                    + (Quantizer.HasActivations ? $"A{Quantizer.Activations.Integer}" : "")
                    + (Quantizer.IsPacked ? "Packed" : "");
            return Adapter is null ? bits : bits.Length == 0 ? Adapter.ClassName : $"{Adapter.ClassName}On{bits}";
        }
    }

    public bool Equals(LayerClass? other) => other is not null
        && Key(Adapter) == Key(other.Adapter) && Key(Quantizer) == Key(other.Quantizer);

    public override int GetHashCode() => Name.GetHashCode();

    /// <summary>Equal options make one class, wherever they are written.</summary>
    private static AnnotationSpec? Key(AnnotationSpec? annotation) => annotation switch
    {
        null => null,
        QuantizeSpec quantizer =>
            quantizer with
            {
                Header = Anonymous("Quantize"),
                EndBits = new SizeExpression.Literal(0L),
                EndWeights = quantizer.Weights,
            },
        var adapter => adapter with { Header = Anonymous(adapter.Attribute) },
    };

    private static AnnotationHeader Anonymous(string attribute) =>
        new(attribute, Position: 0, Origin: "", Targets: null, Exclude: null, Train: null, default, default, default);
}

/// <summary>A linear layer's class that is to be emitted.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Layer">Its adapter and quantizer.</param>
/// <param name="Shapes">The shapes of the layers that it is for, in words, or null.</param>
/// <param name="LargestIn">The most in-features of these layers; null if they are known only at run time.</param>
internal sealed record EmittedClass(string Name, LayerClass Layer, string? Shapes, long? LargestIn);
