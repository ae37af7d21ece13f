using Marrow.Generators.Diagnostics;
using Marrow.Generators.Specs;

namespace Marrow.Generators.Rules;

/// <summary>MRW203: [Qkr] stands beside [Quantize], where there is an attention that makes its own queries and keys.</summary>
internal static class QkrRule
{
    public static IEnumerable<Violation> Check(ModelCheck check)
    {
        foreach (var attention in check.Type.Layers.OfType<AttentionSpec>().Where(layer => layer is { IsQkr: true, Quantizer: null }))
        {
            yield return new(
                DiagnosticIds.Qkr,
                new Site.Attribute(attention.Property.Name, "Qkr"),
                $"[Qkr] at layer '{attention.Property.LayerName}' needs [Quantize] beside it");
        }

        if (!check.Type.IsQkr)
        {
            yield break;
        }

        if (check.Type.Quantizer is null)
        {
            yield return new(DiagnosticIds.Qkr, new Site.Attribute(null, "Qkr"), $"[Qkr] on '{check.Type.Name}' needs [Quantize] beside it");
        }
        else if (!check.Leaves.Any(leaf => leaf.IsQkr))
        {
            yield return new(
                DiagnosticIds.Qkr,
                new Site.Attribute(null, "Qkr"),
                $"[Qkr] on '{check.Type.Name}' finds no quantized [Attention] with queries and keys of its own");
        }
    }
}
