using Marrow.Generators.Declarations;
using Marrow.Generators.Resolution;
using Marrow.Generators.Sizes;

namespace Marrow.Generators.Emission;

/// <summary>One call of the builder that specializes the layers a class-level annotation means.</summary>
/// <param name="Call">The call.</param>
/// <param name="Comment">The layers and the annotation in words.</param>
internal sealed record SpecializationView(string Call, string Comment);

/// <summary>The calls of the builder that specialize the layers a class's annotations mean.</summary>
internal static class Specializations
{
    public static IReadOnlyList<SpecializationView> Of(ClassSpec type, PlannedModel plan, LayerClasses classes)
    {
        var replaced = type.Replacements.Select(Replaced).ToList();
        if (!type.Annotations.Any())
        {
            return replaced;
        }

        // The plan evaluated the class's own annotations.
        var layers = plan.Instances();
        var adapters = plan.Adapters.Where(pair => ReferenceEquals(pair.Owner, type)).Select(pair => pair.Adapter);
        var quantizer = plan.Quantizers.FirstOrDefault(pair => ReferenceEquals(pair.Owner, type)).Quantizer;
        return
        [
            .. replaced,
            .. type.Adapters.Where(adapter => adapter.Header.Train is not null).Select(Trained),
            .. type.Adapters.Where(adapter => adapter.Header.Bias != AdapterBias.None).Take(1).Select(Biases),
            .. adapters.Select(adapter => Adapted(type, adapter, quantizer, layers, classes)),
            .. quantizer is null ? [] : new QuantizedSites(quantizer, layers, classes).Specializations(),
        ];
    }

    /// <summary>The patterns of an annotation as C#.</summary>
    public static string Patterns(AnnotationSpec annotation) =>
        annotation.Targets is { } targets ? SizeExpression.Quote(targets) : "null";

    /// <summary>The patterns of what an annotation leaves out, as the last argument of a call.</summary>
    public static string Excluded(AnnotationSpec annotation) =>
        annotation.Header.Exclude is { } exclude ? $", exclude: {SizeExpression.Quote(exclude)}" : "";

    /// <summary>The layers that an annotation means, in words.</summary>
    public static string Which(AnnotationSpec annotation) => (annotation.Targets is null
        ? "Every linear layer but output heads"
        : $"Every linear layer that {Patterns(annotation)} matches")
        + (annotation.Header.Exclude is { } exclude ? $" and {SizeExpression.Quote(exclude)} does not" : "");

    private static SpecializationView Replaced(ReplacementSpec replacement)
    {
        var arguments = replacement.Parameters.Select((type, i) => $"({type})given[{i}]!");
        var create = $"new {replacement.ReplacementType}({string.Join(", ", arguments)})";
        return new(
            $"Replace<{replacement.BlockType}>(given => {create});",
            $"Every {replacement.Words}.");
    }

    private static SpecializationView Trained(AdapterSpec adapter)
    {
        var patterns = SizeExpression.Quote(adapter.Header.Train!);
        return new($"Train({patterns});", $"Trained whole beside the adapters: what {patterns} matches.");
    }

    private static SpecializationView Biases(AdapterSpec adapter) => new(
        $"TrainBiases(global::Marrow.AdapterBias.{adapter.Header.Bias});",
        adapter.Header.Bias == AdapterBias.All
            ? "Every bias of the model is trained beside the adapters."
            : "The biases of adapted layers are trained beside the adapters.");

    /// <summary>The layers that an adapter means, and among them those that are quantized too.</summary>
    private static SpecializationView Adapted(
        ClassSpec type,
        AdapterSpec adapter,
        QuantizeSpec? quantizer,
        IReadOnlyList<LayerInstance> layers,
        LayerClasses classes)
    {
        var placed = new Placed<AdapterSpec>(adapter, type, "");
        var meant = layers.Where(layer => layer.Spec.Adapters.Count == 0 && layer.Targets(placed)).ToList();
        var uses = meant
            .Where(layer => layer.Spec is LinearSpec)
            .ToLookup(
                layer => quantizer is not null && layer.QuantizerFor(quantizer, "") is not null,
                layer => (LinearSpec)layer.Spec);
        var others = new[] { ("convolution", Of<Conv2dSpec>()), ("embedding", Of<EmbeddingSpec>()) }
            .Where(kind => kind.Item2 is not null)
            .Select(kind => (Name: kind.Item1, Create: kind.Item2!))
            .ToList();
        var which = others.Count > 0 ? $"Every layer that {Patterns(adapter)} names" : Which(adapter);
        var comment = $"{which}: {adapter.Words}";
        var call = $"Adapt({Patterns(adapter)}";
        if (uses[false].Any() || (!uses[true].Any() && others.Count == 0))
        {
            call += $", site => {classes.Create(new LayerClass(adapter, null), uses[false])}";
        }

        if (uses[true].Any())
        {
            call += $", quantized: site => {classes.Create(new LayerClass(adapter, quantizer), uses[true])}";
            comment += $"; where the quantizer means it too, on {quantizer!.Words}";
        }

        call += string.Concat(others.Select(kind => $", {kind.Name}: site => {kind.Create}"));
        return new($"{call}{Excluded(adapter)});", comment + ".");

        string? Of<TSpec>() => meant.Find(layer => layer.Spec is TSpec) is { } layer
            ? adapter.Creation(layer.Spec, SizeCode.Of)
            : null;
    }
}
