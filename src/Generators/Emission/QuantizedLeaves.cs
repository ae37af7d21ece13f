using Marrow.Generators.Planning;
using Marrow.Generators.Specs;

namespace Marrow.Generators.Emission;

/// <summary>The layers that a class-level quantizer means, by kind, as calls of the builder.</summary>
internal sealed class QuantizedLeaves(QuantizeSpec quantizer, IReadOnlyList<Leaf> leaves)
{
    public IEnumerable<SpecialisationView> Specialisations(Func<IEnumerable<SpecialLayer>, IReadOnlyList<ArmView>> arms)
    {
        var own = leaves.Where(leaf => !leaf.Layer.Evaluated.Annotations.OfType<QuantizeSpec>().Any()).ToList();
        var reparameterised = new HashSet<string>(own.Where(leaf => leaf.IsQkr).Select(leaf => leaf.Name + ".qkv"));
        var linear = own
            .Where(leaf => leaf.Layer.Evaluated is LinearSpec && !reparameterised.Contains(leaf.Name))
            .Select(leaf => (Leaf: leaf, Quantizer: leaf.Meaning(quantizer, "")))
            .Where(pair => pair.Quantizer is not null)
            .ToList();

        var plain = linear.Where(pair => ReferenceEquals(pair.Quantizer, quantizer) && pair.Leaf.Adapter is null).ToList();
        if (plain.Count > 0)
        {
            yield return View($"Quantize({SpecialLayers.Patterns(quantizer)}, site", SpecialLayers.Which(quantizer, "linear layer", "output head"), quantizer, plain);
        }

        var adapted = linear.Where(pair => ReferenceEquals(pair.Quantizer, quantizer) && pair.Leaf.Adapter is not null).ToList();
        if (adapted.Count > 0)
        {
            yield return View($"AdaptQuantized({SpecialLayers.Patterns(quantizer)}, site", "Every layer that both the adapter and the quantizer mean", quantizer, adapted);
        }

        var heads = linear.Where(pair => !ReferenceEquals(pair.Quantizer, quantizer)).ToList();
        if (heads.Count > 0)
        {
            yield return View("QuantizeHeads(site", "The output heads", heads[0].Quantizer!, heads);
        }

        if (own.Where(leaf => leaf.Layer.Evaluated is Conv2dSpec).Select(leaf => leaf.Meaning(quantizer, "")).FirstOrDefault(found => found is not null) is { } ends)
        {
            yield return new SpecialisationView(
                $"QuantizeConvolutions({SpecialLayers.Patterns(quantizer)}, site",
                "The convolutions",
                PlanTable.Words(ends with { Weights = "Lsq" }),
                "site",
                [new ArmView("_", Convolution(ends)!)],
                IsComplete: false);
        }

        if ((quantizer.HasActivations || quantizer.IsQkr)
            && own.Any(leaf => leaf.Layer.Evaluated is AttentionSpec && leaf.Meaning(quantizer, "") is not null))
        {
            yield return new SpecialisationView(
                $"QuantizeAttention({SpecialLayers.Patterns(quantizer)}, site",
                "Attention",
                quantizer.IsQkr ? "queries and keys as one quantized product of their weights" : "queries, keys, values and attention weights quantized",
                "site",
                [new ArmView("_", Attention(quantizer)!)],
                IsComplete: false);
        }

        SpecialisationView View(string call, string which, QuantizeSpec how, List<(Leaf Leaf, QuantizeSpec? Quantizer)> layers)
        {
            var special = layers.Select(pair => SpecialLayer.Of((LinearSpec)pair.Leaf.Layer.Evaluated, pair.Leaf.Adapter, pair.Quantizer)).Distinct().ToList();
            return new SpecialisationView(
                call, which, PlanTable.Words(how), "site", arms(special), special.All(layer => layer.IsConstant));
        }
    }

    /// <summary>The creation of a quantized convolution, or null for a plain one.</summary>
    public static string? Convolution(QuantizeSpec? quantizer) => quantizer is null
        ? null
        : $"new LsqConv2d(site, bits: {Print(quantizer.Bits)}, activations: {Print(quantizer.Activations)})";

    /// <summary>The creation of a quantized attention, or null for a plain one.</summary>
    public static string? Attention(QuantizeSpec? quantizer) => quantizer is null
        ? null
        : $"new {(quantizer.IsQkr ? "QkrAttention" : "QuantizedAttention")}(site, new QuantizerSettings({QuantizedLayerView.SettingsOf(quantizer, FieldView.FieldOf, needsActivations: !quantizer.IsQkr)}{(quantizer is { IsQkr: true, Bfloat16Backward: true } ? ", Bfloat16Backward: true" : "")}))";

    private static string Print(SizeExpression size) => size.Print(FieldView.FieldOf);
}
