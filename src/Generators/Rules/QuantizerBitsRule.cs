using Marrow.Generators.Diagnostics;
using Marrow.Generators.Specs;
using Marrow.Shared;

namespace Marrow.Generators.Rules;

/// <summary>MRW201: bits that the quantizers have.</summary>
internal static class QuantizerBitsRule
{
    public static IEnumerable<Violation> Check(ModelCheck check) =>
        from written in WrittenQuantizer.Of(check)
        from fault in Faults(written.Quantizer)
        select new Violation(DiagnosticIds.QuantizerBits, written.At(fault.Option), fault.Words);

    private static IEnumerable<(string Option, string Words)> Faults(QuantizeSpec quantizer)
    {
        if (quantizer.Bits.Integer is { } bits && QuantizerBits.Weights(bits, quantizer.Weights == "Lsq") is { } weights)
        {
            yield return ("Bits", weights);
        }

        if (quantizer.Activations.Integer is { } activations && QuantizerBits.OrNone("Activations", activations) is { } inputs)
        {
            yield return ("Activations", inputs);
        }

        if (quantizer.EndBits.Integer is { } ends && QuantizerBits.OrNone("EndBits", ends) is { } fault)
        {
            yield return ("EndBits", fault);
        }
    }
}
