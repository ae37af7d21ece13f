using Marrow.Generators.Declarations;

namespace Marrow.Generators.Methods;

/// <summary>What every template of an adapted layer prints.</summary>
internal abstract class AdaptedLayerView(EmittedClass target, AdapterSpec adapter) : LayerClassView(target)
{
    /// <summary>The settings of the adapter as C#.</summary>
    public abstract string Settings { get; }

    /// <summary>The class that the layer derives from.</summary>
    public string Base => IsMerged ? "QuantizedAdaptedLinear" : "AdaptedLinear";

    /// <summary>What the base class's constructor takes.</summary>
    public IReadOnlyList<string> BaseArguments => Quantizer switch
    {
        null => ["site", Settings],
        { IsPacked: true } quantizer => ["site", Settings, $"packedBits: {Code("Bits", quantizer.Bits)}"],
        _ => ["site", Settings, QuantizerSettings!],
    };

    /// <summary>Whether the adapted weight is quantized.</summary>
    public bool IsMerged => Quantizer is { IsPacked: false };

    /// <summary>Whether a treatment of oscillation holds entries of the weight.</summary>
    public bool Holds => Freezes || Anneals;

    /// <summary>The formula of Ŵ, as lines of the summary.</summary>
    public IReadOnlyList<string> QuantizerFormula => Quantizer?.Weights.Formula(Quantizer.Bits) ?? [];

    public string? QuantizerWords => Quantizer?.Weights.Words;

    /// <summary>Ŵ by plain operations: the statements of a method of w.</summary>
    public IReadOnlyList<string> PlainQuantizer => Quantizer?.Weights.Plain(Quantizer.Bits, "Quantizer.Bits") ?? [];

    /// <summary>Ŵ of the plain formula.</summary>
    public string PlainWeight => Freezes
        ? "WithFrozen(Quantized(AdaptedWeight()))"
        : Anneals ? "Quantized(Frozen.Apply(AdaptedWeight()))" : "Quantized(AdaptedWeight())";

    /// <summary>The call that makes the codes of the adapted weight.</summary>
    public string? Codes
    {
        get
        {
            if (Quantizer is null)
            {
                return null;
            }

            var weight = Anneals ? "Frozen.Apply(AdaptedWeight())" : "AdaptedWeight()";
            var codes = Quantizer.Weights.Codes(weight, Quantizer.Bits.Integer is null ? "Quantizer.Bits" : BitsWord);
            return Freezes ? $"Frozen.Apply({codes})" : codes;
        }
    }

    /// <summary>The base weight as a formula reads it.</summary>
    public string Weight => IsPacked ? "Base.Dequantize()" : "Weight";

    /// <summary>The base weight where a local holds the unpacked one.</summary>
    public string Unpacked => IsPacked ? "weight" : "Weight";

    /// <summary>x Wᵀ + b.</summary>
    public string BaseProduct => IsPacked ? "Base.Linear(x, Bias)" : "linear(x, Weight, Bias)";

    public bool HasDropout => adapter.HasDropout;

    /// <summary>The probability as code.</summary>
    public string Dropout => adapter.Dropout switch
    {
        null => "0.0",
        { Number: null } => "dropoutRate",
        var known => Code("Dropout", known),
    };

    /// <summary>Options that the methods read, when they are known only at run time.</summary>
    public virtual IReadOnlyList<OptionField> Fields =>
        adapter.Dropout is { Number: null } ? [new("double", "dropoutRate", Camel("Dropout"))] : [];
}

/// <summary>A field of an emitted layer that keeps an option.</summary>
/// <param name="Type">Its type.</param>
/// <param name="Name">Its name.</param>
/// <param name="Parameter">The constructor's parameter.</param>
internal sealed record OptionField(string Type, string Name, string Parameter)
{
    /// <summary>The field as the constructor assigns it.</summary>
    public string Target => Name == Parameter ? $"this.{Name}" : Name;
}
