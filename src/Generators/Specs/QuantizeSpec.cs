using Marrow.Generators.Equatable;

namespace Marrow.Generators.Specs;

/// <summary>[Quantize], with [Qkr] if that stands beside it.</summary>
/// <param name="Bits">Bits of the weights.</param>
/// <param name="Activations">Bits of the activations; 0: none.</param>
/// <param name="EndBits">Bits of the first and last layers; 0: none.</param>
/// <param name="Weights">Name of a <c>WeightQuantizer</c>.</param>
/// <param name="Oscillation">Name of an <c>Oscillation</c>.</param>
/// <param name="BoundaryRange">Half width of CGA's live band, in levels.</param>
/// <param name="Scope">Name of a <c>QuantizeScope</c>.</param>
/// <param name="Bfloat16Backward">Whether the backward's products run in bfloat16.</param>
/// <param name="IsQkr">Whether attention is reparameterised.</param>
/// <param name="Targets">Patterns over layer names, or null.</param>
/// <param name="Given">Names of the options that were written out.</param>
internal sealed record QuantizeSpec(
    SizeExpression Bits,
    SizeExpression Activations,
    SizeExpression EndBits,
    string Weights,
    string Oscillation,
    double BoundaryRange,
    string Scope,
    bool Bfloat16Backward,
    bool IsQkr,
    string? Targets,
    EquatableArray<string> Given) : AnnotationSpec("Quantize", Targets, Given)
{
    /// <summary>Whether activations are quantized at all.</summary>
    public bool HasActivations => Activations.Integer is not 0;

    /// <summary>Whether the first and last layers are quantized; a packed base leaves them as they are.</summary>
    public bool HasEnds => !IsPacked && EndBits.Integer is not 0;

    public bool IsPacked => Scope == "FrozenBase";

    public override IEnumerable<(string, SizeExpression)> Sizes => [("Bits", Bits), ("Activations", Activations), ("EndBits", EndBits)];

    public QuantizeSpec Evaluate(Func<SizeExpression, SizeExpression> evaluate) => this with
    {
        Bits = evaluate(Bits),
        Activations = evaluate(Activations),
        EndBits = evaluate(EndBits),
    };

    /// <summary>What the first and last layers get: LSQ at their own bits, as in the paper.</summary>
    public QuantizeSpec ForEnds => this with
    {
        Bits = EndBits,
        Activations = HasActivations ? EndBits : Activations,
        Weights = "Lsq",
        Oscillation = "None",
        IsQkr = false,
    };
}
