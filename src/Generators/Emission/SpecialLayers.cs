using Marrow.Generators.Planning;
using Marrow.Generators.Specs;

namespace Marrow.Generators.Emission;

/// <summary>
/// The specialised layer classes of a model: one for each combination of adapter, quantizer and sizes.
/// </summary>
internal sealed class SpecialLayers
{
    private readonly Dictionary<SpecialLayer, string> names = [];
    private readonly ClassSpec type;

    public SpecialLayers(ClassSpec type, PlannedModel plan)
    {
        this.type = type;
        var leaves = !type.Annotations.Any() || plan.RepeatsItself ? [] : plan.Leaves().ToList();

        // The plan evaluated the class's own annotations in order; the last of its lineage are this class's.
        var adapters = plan.Adapters.Where(pair => ReferenceEquals(pair.Owner, type)).Select(pair => pair.Adapter).ToList();
        var quantizer = plan.Quantizers.Where(pair => ReferenceEquals(pair.Owner, type)).Select(pair => pair.Quantizer).FirstOrDefault();
        Specialisations =
        [
            .. adapters.Select(adapter => Adapted(adapter, quantizer, leaves)),
            .. quantizer is null ? [] : new QuantizedLeaves(quantizer, leaves).Specialisations(Arms),
        ];
        foreach (var linear in type.Layers.OfType<LinearSpec>().Where(linear => linear.Annotations.Any()))
        {
            NameOf(LayerOf(linear));
        }
    }

    public IReadOnlyList<SpecialisationView> Specialisations { get; }

    /// <summary>Adapters and quantizers in words, for the file's header.</summary>
    public IReadOnlyList<string> Words => [.. names.Keys.Select(layer => layer.Words).Distinct()];

    /// <summary>The classes as text, in the order of first use.</summary>
    public IReadOnlyList<string> Rendered =>
        [.. names.Select(pair => Templates.Render(pair.Key.Template, View(pair.Value, pair.Key)).TrimEnd())];

    /// <summary>The lambda that makes a layer with an annotation of its own, or null.</summary>
    public string? FactoryOf(LinearSpec linear) => linear.Annotations.Any()
        ? $"site => new {NameOf(LayerOf(linear))}{Arguments(LayerOf(linear))}"
        : null;

    private static object View(string name, SpecialLayer layer) =>
        layer.Adapter is null ? new QuantizedLayerView(name, layer, layer.Quantizer!) : AdaptedLayerView.Of(name, layer);

    private static SpecialLayer LayerOf(LinearSpec linear) => SpecialLayer.Of(linear, linear.Adapters.FirstOrDefault(), linear.Quantizer);

    /// <summary>The layers that an adapter means, apart from those that are quantized too.</summary>
    private SpecialisationView Adapted(AdapterSpec adapter, QuantizeSpec? quantizer, IReadOnlyList<Leaf> leaves)
    {
        var layers = leaves
            .Where(leaf => leaf.Targets(new Placed<AdapterSpec>(adapter, type, "")) && ((LinearSpec)leaf.Layer.Evaluated).Adapters.Count == 0)
            .Where(leaf => quantizer is null || leaf.Meaning(quantizer, "") is null)
            .Select(leaf => SpecialLayer.Of((LinearSpec)leaf.Layer.Evaluated, adapter, null))
            .Distinct()
            .OrderBy(layer => layer.IsConstant ? 0 : 1)
            .ToList();
        return new SpecialisationView(
            $"Adapt({Patterns(adapter)}, site",
            Which(adapter, "linear layer", "output head"),
            PlanTable.Words(adapter),
            "(site.InFeatures, site.OutFeatures)",
            [.. layers.Select(layer => new ArmView(
                layer.IsConstant ? $"({layer.In}, {layer.Out})" : "_",
                $"new {NameOf(layer)}{Arguments(layer)}"))],
            layers.All(layer => layer.IsConstant));
    }

    private IReadOnlyList<ArmView> Arms(IEnumerable<SpecialLayer> layers) =>
        [.. SitePatterns.Of(layers).Select(pair => new ArmView(pair.Pattern, $"new {NameOf(pair.Layer)}{Arguments(pair.Layer)}"))];

    /// <summary>The patterns of an annotation as C#.</summary>
    public static string Patterns(AnnotationSpec annotation) =>
        annotation.Targets is { } targets ? new SizeExpression.Literal(targets).ToString() : "null";

    /// <summary>The layers that an annotation means, in words.</summary>
    public static string Which(AnnotationSpec annotation, string kind, string except) => annotation.Targets is null
        ? $"Every {kind} but the {except}"
        : $"Every {kind} that \"{annotation.Targets}\" matches";

    private string NameOf(SpecialLayer layer)
    {
        if (!names.TryGetValue(layer, out var name))
        {
            name = layer.Name;
            for (var number = 2; names.ContainsValue(name) || type.Layers.Any(other => other.Property.Name == name); number++)
            {
                name = $"{layer.Name}{number}";
            }

            names.Add(layer, name);
        }

        return name;
    }

    /// <summary>Options known only at run time are handed to the layer's constructor.</summary>
    private static string Arguments(SpecialLayer layer) => "(" + string.Join(", ", layer.RunTimeOptions
        .Select(option => $"{option.Name}: {option.Size.Print(FieldView.FieldOf)}")
        .Prepend("site")) + ")";
}

/// <summary>One call of the builder that specialises the layers a class-level annotation means.</summary>
/// <param name="Call">The call up to the lambda's parameter.</param>
/// <param name="Which">The layers in words.</param>
/// <param name="What">The annotation in words.</param>
/// <param name="Subject">What the switch looks at.</param>
/// <param name="Arms">A case per shape, the one for run-time sizes last.</param>
/// <param name="IsComplete">Whether all shapes are known, so that another one is a bug.</param>
internal sealed record SpecialisationView(
    string Call, string Which, string What, string Subject, IReadOnlyList<ArmView> Arms, bool IsComplete);

/// <summary>A case of the switch over shapes.</summary>
internal sealed record ArmView(string Shape, string Create);
