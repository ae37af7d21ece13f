using System.ComponentModel;
using Marrow.Quantization;
using Marrow.Shared;

namespace Marrow.CompilerServices;

/// <summary>How a layer is quantized.</summary>
/// <param name="Bits">Bits of the weights.</param>
/// <param name="Activations">Bits of the activations; 0: they stay as they are.</param>
/// <param name="Weights">How weights are quantized.</param>
/// <param name="Oscillation">What is done against oscillation.</param>
/// <param name="BoundaryRange">With CGA: how near to a rounding boundary, in levels, a weight stays live.</param>
/// <param name="Bfloat16Backward">
/// Whether the backward of a QKR product is one of <see cref="CompilerServices.Bfloat16Backward"/>; linear layers state
/// theirs.
/// </param>
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed record QuantizerSettings(
    int Bits,
    int Activations = 0,
    WeightQuantizer Weights = WeightQuantizer.StatsQ,
    Oscillation Oscillation = Oscillation.None,
    double BoundaryRange = 0.005,
    bool Bfloat16Backward = false)
{
    /// <summary>The method of the weights.</summary>
    internal WeightMethod Method => QuantizerMethods.Of(Weights);

    /// <summary>The compile-time rule for bits that are known only at run time. Emitted constructors call it.</summary>
    /// <exception cref="ArgumentException">MRW201.</exception>
    public QuantizerSettings Checked() =>
        (Method.BitsError(Bits) ?? QuantizerBits.OrNone("Activations", Activations)) is { } fault
            ? throw new ArgumentException(fault + ".")
            : this;

    /// <summary>
    /// The same rule for activations of a layer that is written to quantize them, by bits that are known only at run
    /// time: 0 would mean another layer. Emitted constructors call it.
    /// </summary>
    /// <exception cref="ArgumentException">MRW201.</exception>
    public static int ActivationBits(int bits) =>
        QuantizerBits.Activations(bits) is { } fault ? throw new ArgumentException(fault + ".") : bits;

    /// <summary>In words: <c>W2 A2 (StatsQ)</c>.</summary>
    public override string ToString() => $"W{Bits}{(Activations > 0 ? $" A{Activations}" : "")} ({Weights})";
}
