using Marrow.Generators.Diagnostics;

namespace Marrow.Generators.Rules;

/// <summary>MRW202: CGA anneals StatsQ weights, within a band that lies inside a level.</summary>
internal static class CgaRule
{
    public static IEnumerable<Violation> Check(ModelCheck check)
    {
        foreach (var written in WrittenQuantizer.Of(check).Where(written => written.Quantizer.Oscillation == "Cga"))
        {
            if (written.Quantizer.Weights != "StatsQ")
            {
                yield return new(
                    DiagnosticIds.Cga,
                    written.At("Oscillation"),
                    $"[Quantize] Oscillation Cga needs StatsQ weights, these are {written.Quantizer.Weights}; use Freeze or Dampen, or StatsQ");
            }

            if (!(written.Quantizer.BoundaryRange is > 0 and < 0.5))
            {
                yield return new(
                    DiagnosticIds.Cga,
                    written.At("BoundaryRange"),
                    FormattableString.Invariant($"[Quantize] BoundaryRange {written.Quantizer.BoundaryRange} is not between 0 and 0.5; it is a part of a level, measured from a rounding boundary"));
            }
        }
    }
}
