using Marrow.Generators.Declarations;
using Marrow.Generators.Methods;
using Marrow.Generators.Resolution;
using Marrow.Generators.Sizes;

namespace Marrow.Generators.Emission;

/// <summary>The layers that a class-level quantizer means and no adapter, by kind, as calls of the builder.</summary>
internal sealed class QuantizedSites(QuantizeSpec quantizer, IReadOnlyList<LayerInstance> layers, LayerClasses classes)
{
    private const string Runtime = "global::Marrow.CompilerServices.";

    public IEnumerable<SpecializationView> Specializations()
    {
        var own = layers.Where(layer => layer.Spec.Quantizer is null).ToList();
        var replaced = new HashSet<string>(own
            .Where(layer => layer.Spec is AttentionSpec && layer.Quantizer is { Attention.ReplacesQkv: true })
            .Select(layer => layer.Name + ".qkv"));
        var linear = own
            .Where(layer => layer.Spec is LinearSpec && !replaced.Contains(layer.Name))
            .Select(layer => (layer, quantizer: layer.QuantizerFor(quantizer, "")))
            .Where(pair => pair.quantizer is not null)
            .ToList();
        var (patterns, excluded) = (
            Emission.Specializations.Patterns(quantizer), Emission.Specializations.Excluded(quantizer));

        var plain = linear.Where(
            pair => ReferenceEquals(pair.quantizer, quantizer) && pair.layer.Adapter is null).ToList();
        if (plain.Count > 0)
        {
            yield return View(
                $"Quantize({patterns}, site", excluded, Emission.Specializations.Which(quantizer), quantizer, plain);
        }
        else if (linear.Any(pair => ReferenceEquals(pair.quantizer, quantizer)))
        {
            yield return new(
                $"Quantize({patterns}{excluded});",
                $"All layers that the quantizer means are adapted: {quantizer.Words}.");
        }

        var heads = linear.Where(pair => !ReferenceEquals(pair.quantizer, quantizer)).ToList();
        if (heads.Count > 0)
        {
            yield return View("QuantizeHeads(site", "", "The output heads", heads[0].quantizer!, heads);
        }

        var convolution = own
            .Where(layer => layer.Spec is Conv2dSpec)
            .Select(layer => layer.QuantizerFor(quantizer, ""))
            .FirstOrDefault(found => found is not null);
        if (convolution is not null)
        {
            yield return new(
                $"QuantizeConvolutions({patterns}, site => {Convolution(convolution)}{excluded});",
                $"The convolutions: {(convolution with { Weights = convolution.EndWeights }).Words}.");
        }

        if ((quantizer.HasActivations || quantizer.Attention.NeedsNoActivations)
            && own.Any(layer => layer.Spec is AttentionSpec && layer.QuantizerFor(quantizer, "") is not null))
        {
            yield return new(
                $"QuantizeAttention({patterns}, site => {Attention(quantizer)}{excluded});",
                $"Attention: {quantizer.Attention.Words}.");
        }
    }

    /// <summary>The creation of a quantized convolution, or null for a plain one.</summary>
    public static string? Convolution(QuantizeSpec? quantizer) => quantizer is null
        ? null
        : $"new {Runtime}{quantizer.EndWeights.ClassName}Conv2d(site, bits: {Print(quantizer.Bits)}, activations: "
            + $"{Print(quantizer.Activations)})";

    /// <summary>The creation of a quantized attention, or null for a plain one.</summary>
    public static string? Attention(QuantizeSpec? quantizer)
    {
        if (quantizer is null)
        {
            return null;
        }

        var settings = QuantizerText.Settings(
            quantizer,
            option => Print(quantizer.Arguments.First(argument => argument.Name == option).Value),
            needsActivations: !quantizer.Attention.NeedsNoActivations,
            "global::Marrow.CompilerServices.");
        return quantizer is { Bfloat16Backward: true, Attention.HasBfloat16Backward: true }
            ? $"new {Runtime}{quantizer.Attention.LayerType}(site, {settings.TrimEnd(')')}, Bfloat16Backward: true))"
            : $"new {Runtime}{quantizer.Attention.LayerType}(site, {settings})";
    }

    private SpecializationView View(
        string call,
        string last,
        string which,
        QuantizeSpec how,
        IReadOnlyList<(LayerInstance Layer, QuantizeSpec? Quantizer)> uses)
    {
        var create = classes.Create(new LayerClass(null, how), uses.Select(use => (LinearSpec)use.Layer.Spec));
        return new($"{call} => {create}{last});", $"{which}: {how.Words}.");
    }

    private static string Print(SizeExpression size) => SizeCode.Of(size, "int");
}
