using Marrow.Generators.Declarations;
using Marrow.Generators.Diagnostics;
using Marrow.Generators.Rules;

namespace Marrow.Generators.Methods.Qkr;

/// <summary>
/// MRW203: [Qkr] stands beside [Quantize], where there is an attention that makes its own queries and keys.
/// </summary>
internal static class QkrRule
{
    private static readonly string Name = QkrMethod.Instance.Attribute;

    public static IEnumerable<Violation> Check(ModelCheck check) => Placement(check).Concat(Bits(check));

    /// <summary>Its factors are quantized by the usual method, whatever the other weights are by.</summary>
    private static IEnumerable<Violation> Bits(ModelCheck check) =>
        from written in WrittenQuantizer.Of(check)
        let quantizer = written.Quantizer
        where quantizer.Attention is QkrMethod
            && quantizer.Bits.Integer is { } bits
            && quantizer.Weights.BitsError(bits) is null
            && quantizer.BaseWeights.BitsError(bits) is not null
        select new Violation(
            DiagnosticIds.Qkr,
            written.At("Bits"),
            $"[Qkr] quantizes by {quantizer.BaseWeights.Words} also beside other weights: "
                + quantizer.BaseWeights.BitsError(quantizer.Bits.Integer!.Value));

    private static IEnumerable<Violation> Placement(ModelCheck check)
    {
        foreach (var attention in check.Type.Layers.OfType<AttentionSpec>())
        {
            if (attention.Marker == Name && attention.Quantizer is null)
            {
                yield return new(
                    DiagnosticIds.Qkr,
                    new Site.Attribute(attention.Property.Name, Name),
                    $"[Qkr] at layer '{attention.Property.LayerName}' needs [Quantize] beside it");
            }
        }

        if (check.Type.Marker != Name)
        {
            yield break;
        }

        if (check.Type.Quantizer is null)
        {
            yield return new(
                DiagnosticIds.Qkr,
                new Site.Attribute(null, Name),
                $"[Qkr] on '{check.Type.Name}' needs [Quantize] beside it");
        }
        else if (!check.Layers.Any(layer => layer.Quantizer?.Attention is QkrMethod && layer.Spec is AttentionSpec))
        {
            yield return new(
                DiagnosticIds.Qkr,
                new Site.Attribute(null, Name),
                $"[Qkr] on '{check.Type.Name}' finds no quantized [Attention] with queries and keys of its own");
        }
    }
}
