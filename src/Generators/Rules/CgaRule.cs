using Marrow.Generators.Diagnostics;

namespace Marrow.Generators.Rules;

/// <summary>MRW202: CGA anneals weights whose scale is not learned, within a band that lies inside a level.</summary>
internal static class CgaRule
{
    public static IEnumerable<Violation> Check(ModelCheck check)
    {
        foreach (var written in WrittenQuantizer.Of(check).Where(written => written.Quantizer.Anneals))
        {
            if (!written.Quantizer.Weights.CanAnneal)
            {
                yield return new(
                    DiagnosticIds.Cga,
                    written.At("Oscillation"),
                    $"[Quantize] Oscillation Cga needs {written.Quantizer.BaseWeights.Words} weights, these are "
                        + $"{written.Quantizer.Weights.Kind}; use Freeze or Dampen, or "
                        + $"{written.Quantizer.BaseWeights.Words}");
            }

            if (!(written.Quantizer.BoundaryRange is > 0 and < 0.5))
            {
                yield return new(
                    DiagnosticIds.Cga,
                    written.At("BoundaryRange"),
                    FormattableString.Invariant(
                        $"[Quantize] BoundaryRange {written.Quantizer.BoundaryRange} is not between 0 and 0.5; ")
                        + "it is a part of a level, measured from a rounding boundary");
            }
        }
    }
}
