using Marrow.Generators.Declarations;
using Marrow.Generators.Diagnostics;

namespace Marrow.Generators.Rules;

/// <summary>MRW205 for quantizers: no option that has no meaning with the others.</summary>
internal static class QuantizerOptionsRule
{
    public static IEnumerable<Violation> Check(ModelCheck check) =>
        from written in WrittenQuantizer.Of(check)
        from error in Alone(written).Concat(WithAdapters(check, written.Quantizer))
        select new Violation(DiagnosticIds.UnknownOption, written.At(error.Option), $"[Quantize] {error.Message}");

    private static IEnumerable<(string Option, string Message)> Alone(WrittenQuantizer written)
    {
        var quantizer = written.Quantizer;
        if (
            quantizer.Has("EndBits")
                && (written.Layer is not null || quantizer.Targets is not null || quantizer.IsPacked))
        {
            yield return ("EndBits", "EndBits is for a class-level annotation without Targets, in the Merged scope");
        }

        if (quantizer.Has("BoundaryRange") && !quantizer.Anneals)
        {
            yield return ("BoundaryRange", $"Oscillation {quantizer.Oscillation} has no BoundaryRange; only Cga has");
        }

        if (!quantizer.IsPacked)
        {
            yield break;
        }

        if (quantizer.Oscillation != Oscillation.None)
        {
            yield return (
                "Oscillation",
                "the weights of a frozen base do not move, so they cannot oscillate; leave Oscillation out");
        }

        if (!quantizer.Weights.SuitsAdapters)
        {
            yield return ("Weights", $"Scope FrozenBase packs {quantizer.BaseWeights.Words} levels; leave Weights out");
        }

        if (quantizer.Bits.Integer is 5 or 6 or 7)
        {
            yield return ("Bits", $"Scope FrozenBase packs 2, 3, 4 or 8 bits, not {quantizer.Bits}");
        }

        if (quantizer.HasActivations)
        {
            yield return ("Activations", Activations);
        }

        if (quantizer.Bfloat16Backward)
        {
            yield return ("Bfloat16Backward", "Scope FrozenBase has no Bfloat16Backward");
        }
    }

    private static IEnumerable<(string Option, string Message)> WithAdapters(ModelCheck check, QuantizeSpec quantizer)
    {
        var adapted = check.Layers
            .Where(layer => layer.Adapter is not null && layer.Quantizer?.IsSameAs(quantizer) == true)
            .ToList();
        if (adapted.Count == 0 || quantizer.IsPacked)
        {
            yield break;
        }

        if (quantizer.HasActivations)
        {
            yield return ("Activations", Activations);
        }

        if (!quantizer.Weights.SuitsAdapters)
        {
            yield return (
                "Weights",
                $"weights of adapted layers are quantized by {quantizer.BaseWeights.Words}; leave Weights out");
        }

        if (adapted.Any(layer => layer.Adapter!.HasDropout))
        {
            yield return (
                "Scope",
                "Scope Merged quantizes the adapted weight, so the adapter's input has no Dropout; leave Dropout out, "
                    + "or use FrozenBase");
        }

        if (quantizer.Bfloat16Backward)
        {
            yield return ("Bfloat16Backward", "adapted layers have no Bfloat16Backward");
        }
    }

    private const string Activations =
        "Activations of adapted layers and of a frozen base stay as they are; leave Activations out";
}
