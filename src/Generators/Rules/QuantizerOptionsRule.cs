using Marrow.Generators.Diagnostics;
using Marrow.Generators.Specs;

namespace Marrow.Generators.Rules;

/// <summary>MRW205 for quantizers: no option that has no meaning with the others.</summary>
internal static class QuantizerOptionsRule
{
    public static IEnumerable<Violation> Check(ModelCheck check) =>
        from written in WrittenQuantizer.Of(check)
        from fault in Faults(check, written)
        select new Violation(DiagnosticIds.UnknownOption, written.At(fault.Option), $"[Quantize] {fault.Words}");

    private static IEnumerable<(string Option, string Words)> Faults(ModelCheck check, WrittenQuantizer written)
    {
        var quantizer = written.Quantizer;
        if (written.Layer is not null && quantizer.Targets is not null)
        {
            yield return ("Targets", "on a property quantizes that layer; Targets belongs on a class");
        }

        if (quantizer.Given.Contains("EndBits") && (written.Layer is not null || quantizer.Targets is not null || quantizer.IsPacked))
        {
            yield return ("EndBits", "EndBits is for a class-level annotation without Targets, in the Merged scope");
        }

        if (quantizer.Given.Contains("BoundaryRange") && quantizer.Oscillation != "Cga")
        {
            yield return ("BoundaryRange", $"Oscillation {quantizer.Oscillation} has no BoundaryRange; only Cga has");
        }

        if (quantizer.IsPacked && quantizer.Oscillation != "None")
        {
            yield return ("Oscillation", "the weights of a frozen base do not move, so they cannot oscillate; leave Oscillation out");
        }

        if (quantizer.IsPacked && quantizer.Weights != "StatsQ")
        {
            yield return ("Weights", "Scope FrozenBase packs StatsQ levels; leave Weights out");
        }

        if (quantizer.IsPacked && quantizer.Bits.Integer is 5 or 6 or 7)
        {
            yield return ("Bits", FormattableString.Invariant($"Scope FrozenBase packs 2, 3, 4 or 8 bits, not {quantizer.Bits}"));
        }

        if (quantizer.HasActivations && (quantizer.IsPacked || MeetsAdapter(check, quantizer)))
        {
            yield return ("Activations", "Activations of adapted layers and of a frozen base stay as they are; leave Activations out");
        }

        if (!quantizer.IsPacked && quantizer.Weights == "Lsq" && MeetsAdapter(check, quantizer))
        {
            yield return ("Weights", "weights of adapted layers are quantized by StatsQ; leave Weights out");
        }

        if (!quantizer.IsPacked && check.Leaves.Any(leaf => leaf.Adapter is { Dropout: > 0 } && leaf.Quantizer is { } found && Same(found, quantizer)))
        {
            yield return ("Scope", "Scope Merged quantizes the adapted weight, so the adapter's input has no Dropout; leave Dropout out, or use FrozenBase");
        }

        if (quantizer.Bfloat16Backward && MeetsAdapter(check, quantizer) && !quantizer.IsPacked)
        {
            yield return ("Bfloat16Backward", "adapted layers have no Bfloat16Backward");
        }

        if (quantizer.Bfloat16Backward && quantizer.IsPacked)
        {
            yield return ("Bfloat16Backward", "Scope FrozenBase has no Bfloat16Backward");
        }
    }

    private static bool MeetsAdapter(ModelCheck check, QuantizeSpec quantizer) =>
        check.Leaves.Any(leaf => leaf.Adapter is not null && leaf.Quantizer is { } found && Same(found, quantizer));

    private static bool Same(QuantizeSpec found, QuantizeSpec written) =>
        found.Given.Equals(written.Given) && found.Targets == written.Targets && found.Scope == written.Scope;
}
