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

    public static IEnumerable<Violation> Check(ModelCheck check)
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
