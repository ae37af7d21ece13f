using Marrow.Generators.Diagnostics;
using Marrow.Generators.Sizes;

namespace Marrow.Generators.Declarations;

/// <summary>[Quantize], with what stands beside it for attention.</summary>
/// <param name="Header">The attribute as written.</param>
/// <param name="Bits">Bits of the weights.</param>
/// <param name="Activations">Bits of the activations; 0: none.</param>
/// <param name="EndBits">Bits of the first and last layers; 0: none.</param>
/// <param name="Weights">The method that quantizes weights.</param>
/// <param name="EndWeights">The method that quantizes the weights of the first and last layers.</param>
/// <param name="BaseWeights">The method that quantizes frozen bases and adapted weights.</param>
/// <param name="Attention">The method that quantizes attention.</param>
/// <param name="Oscillation">What is done against oscillation.</param>
/// <param name="BoundaryRange">Half width of CGA's live band, in levels.</param>
/// <param name="Scope">What is quantized where the layer has an adapter too.</param>
/// <param name="Bfloat16Backward">Whether the backward's products run in bfloat16.</param>
internal sealed record QuantizeSpec(
    AnnotationHeader Header,
    SizeExpression Bits,
    SizeExpression Activations,
    SizeExpression EndBits,
    WeightMethod Weights,
    WeightMethod EndWeights,
    WeightMethod BaseWeights,
    AttentionMethod Attention,
    Oscillation Oscillation,
    double BoundaryRange,
    QuantizeScope Scope,
    bool Bfloat16Backward) : AnnotationSpec(Header)
{
    /// <summary>Whether activations are quantized at all.</summary>
    public bool HasActivations => Activations.Integer is not 0;

    /// <summary>Whether the first and last layers are quantized; a packed base leaves them as they are.</summary>
    public bool HasEnds => !IsPacked && EndBits.Integer is not 0;

    public bool IsPacked => Scope == QuantizeScope.FrozenBase;

    /// <summary>Whether iterative freezing holds weights at their codes.</summary>
    public bool Freezes => Oscillation == Oscillation.Freeze;

    /// <summary>Whether confidence-guided annealing holds weights at their values.</summary>
    public bool Anneals => Oscillation == Oscillation.Cga;

    public override IEnumerable<Argument> Arguments =>
    [
        new("Bits", Bits, ValueKind.Integer, Id: DiagnosticIds.QuantizerBits),
        new("Activations", Activations, ValueKind.Integer, Id: DiagnosticIds.QuantizerBits),
        new("EndBits", EndBits, ValueKind.Integer, Id: DiagnosticIds.QuantizerBits),
    ];

    /// <summary>In words: <c>StatsQ, 2 bits, activations 2 bits, CGA</c>.</summary>
    public string Words => $"{Weights.Words}, {BitsText(Bits)}"
        + (HasActivations ? $", {ActivationWords}" : "")
        + (IsPacked ? ", packed" : "")
        + Oscillation switch
        {
            Oscillation.None => "",
            Oscillation.Cga => ", CGA",
            var other => ", " + other.ToString().ToLowerInvariant(),
        };

    public string ActivationWords => $"activations {BitsText(Activations)}";

    public QuantizeSpec Evaluate(Func<SizeExpression, SizeExpression> evaluate) => this with
    {
        Bits = evaluate(Bits),
        Activations = evaluate(Activations),
        EndBits = evaluate(EndBits),
    };

    /// <summary>What the first and last layers get: their own bits and method, as in the paper.</summary>
    public QuantizeSpec ForEnds => this with
    {
        Bits = EndBits,
        Activations = HasActivations ? EndBits : Activations,
        Weights = EndWeights,
        Oscillation = Oscillation.None,
    };

    private static string BitsText(SizeExpression bits) => bits.Integer is null ? $"bits = {bits}" : $"{bits} bits";
}
