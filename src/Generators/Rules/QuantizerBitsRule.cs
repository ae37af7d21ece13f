using Marrow.Generators.Declarations;
using Marrow.Generators.Diagnostics;
using Marrow.Shared;

namespace Marrow.Generators.Rules;

/// <summary>MRW201: bits that the quantizers have.</summary>
internal static class QuantizerBitsRule
{
    public static IEnumerable<Violation> Check(ModelCheck check) =>
        from written in WrittenQuantizer.Of(check)
        from error in Errors(written.Quantizer)
        select new Violation(DiagnosticIds.QuantizerBits, written.At(error.Option), error.Message);

    private static IEnumerable<(string Option, string Message)> Errors(QuantizeSpec quantizer)
    {
        if (quantizer.Bits.Integer is { } bits && quantizer.Weights.BitsError(bits) is { } weights)
        {
            yield return ("Bits", weights);
        }

        if (
            quantizer.Activations.Integer is { } activations
                && QuantizerBits.OrNone("Activations", activations) is { } inputs)
        {
            yield return ("Activations", inputs);
        }

        if (quantizer.EndBits.Integer is { } ends && QuantizerBits.OrNone("EndBits", ends) is { } error)
        {
            yield return ("EndBits", error);
        }
    }
}
