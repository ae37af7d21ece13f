using Marrow.Generators.Diagnostics;

namespace Marrow.Generators.Rules;

/// <summary>MRW006: adapters go on models and on linear layers, and once along a line of derivation.</summary>
internal static class AdapterPlacementRule
{
    public static IEnumerable<Violation> Check(ModelCheck check)
    {
        foreach (var adapter in check.Type.Adapters)
        {
            var site = new Site.Attribute(null, adapter.Attribute);
            if (!check.Type.IsModel)
            {
                yield return new(
                    DiagnosticIds.AdapterPlacement,
                    site,
                    $"[{adapter.Attribute}] on '{check.Type.Name}', which derives from no model; derive from one or add [Model]");
                continue;
            }

            var annotated = check.Closure.Lineage(check.Type).Skip(1).FirstOrDefault(ancestor => ancestor.Adapters.Count > 0);
            if (annotated is not null)
            {
                yield return new(
                    DiagnosticIds.AdapterPlacement,
                    site,
                    $"[{adapter.Attribute}] on '{check.Type.Name}', whose base '{annotated.Name}' already carries [{annotated.Adapters[0].Attribute}]; derive both from the plain architecture");
            }
        }
    }
}
