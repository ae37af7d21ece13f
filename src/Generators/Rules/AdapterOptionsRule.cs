using Marrow.Generators.Diagnostics;
using Marrow.Generators.Specs;

namespace Marrow.Generators.Rules;

/// <summary>MRW205: no option is given that the chosen adapter does not have, or outside its range.</summary>
internal static class AdapterOptionsRule
{
    public static IEnumerable<Violation> Check(ModelCheck check)
    {
        var adapters = check.Type.Adapters.Select(adapter => (Property: (string?)null, Adapter: adapter))
            .Concat(check.Type.Layers.OfType<LinearSpec>()
                .SelectMany(layer => layer.Adapters.Select(adapter => (Property: (string?)layer.Property.Name, Adapter: adapter))));
        foreach (var (property, adapter) in adapters)
        {
            foreach (var (option, fault) in Faults(adapter, property is not null))
            {
                yield return new(
                    DiagnosticIds.UnknownOption,
                    new Site.Argument(property, adapter.Attribute, option),
                    $"[{adapter.Attribute}] {fault}");
            }
        }
    }

    private static IEnumerable<(string Option, string Fault)> Faults(AdapterSpec adapter, bool onProperty)
    {
        if (onProperty && adapter.Targets is not null)
        {
            yield return ("Targets", "on a property adapts that layer; Targets belongs on a class");
        }

        if (adapter is BoneSpec bone)
        {
            if (bone.Form != "Mini" && bone.Given.Contains("MiniRank"))
            {
                yield return ("MiniRank", $"Form {bone.Form} has no MiniRank; only Mini has");
            }

            if (bone.Form == "Mini" && !bone.Given.Contains("MiniRank"))
            {
                yield return ("Form", "Form Mini needs MiniRank");
            }

            if (bone.IsBlockAffine && bone.Given.Contains("Dropout"))
            {
                yield return ("Dropout", $"Form {bone.Form} has no Dropout; Free and Mini have");
            }
        }

        if (adapter is LoraSpec lora)
        {
            if (lora.Init != "Pissa" && lora.Given.Contains("Iterations"))
            {
                yield return ("Iterations", $"Init {lora.Init} has no Iterations; only Pissa has");
            }

            if (lora.Iterations < 0)
            {
                yield return ("Iterations", $"Iterations {lora.Iterations} is negative");
            }

            if (!(lora.LearningRateRatio > 0) || double.IsInfinity(lora.LearningRateRatio))
            {
                yield return ("LearningRateRatio", FormattableString.Invariant($"LearningRateRatio {lora.LearningRateRatio} is not positive"));
            }
        }

        if (adapter.Dropout is < 0 or >= 1 or double.NaN)
        {
            yield return ("Dropout", FormattableString.Invariant($"Dropout {adapter.Dropout} is not in 0 to 1 (1 excluded)"));
        }
    }
}
