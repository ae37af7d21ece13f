using Marrow.Generators.Declarations;
using Marrow.Shared;

namespace Marrow.Generators.Resolution;

/// <summary>A layer of a model, with its full name and its sizes evaluated.</summary>
internal sealed class LayerInstance
{
    /// <param name="name">Name from the root, with indices: <c>layers.0.mlp.gate_proj</c>.</param>
    /// <param name="layer">The layer.</param>
    /// <param name="placement">Class-level annotations of all models around it, outermost first.</param>
    public LayerInstance(string name, PlannedLayer layer, Placement placement)
    {
        (Name, Layer, Placement) = (name, layer, placement);
        Adapter = Spec is LinearSpec linear
            ? linear.Adapters.FirstOrDefault() ?? placement.Adapters.FirstOrDefault(Targets)?.Annotation
            : null;
        Quantizer = Spec.OwnQuantizer ?? placement.Quantizers
            .Select(placed => QuantizerFor(placed.Annotation, placed.Prefix))
            .FirstOrDefault(found => found is not null);
    }

    public string Name { get; }

    public PlannedLayer Layer { get; }

    public Placement Placement { get; }

    /// <summary>The layer with the sizes of this model.</summary>
    public LayerSpec Spec => Layer.Evaluated;

    /// <summary>The adapter that the layer gets: its own, or the first of a class around it that targets it.</summary>
    public AdapterSpec? Adapter { get; }

    /// <summary>
    /// The quantizer that the layer gets: its own, or that of the first class around it that means it. Without patterns
    /// a class means every layer, the ends with their own bits.
    /// </summary>
    public QuantizeSpec? Quantizer { get; }

    /// <summary>Whether a class-level adapter means this layer.</summary>
    public bool Targets(Placed<AdapterSpec> placed) => Spec is LinearSpec { IsUntied: true }
        && LayerTargets.Match(placed.Annotation.Targets, Name.Substring(placed.Prefix.Length));

    /// <summary>
    /// Whether an annotation of the model's own class means this layer, or may mean it once sizes are known.
    /// </summary>
    public bool CanTake(AnnotationSpec annotation)
    {
        // Whether the weight is the layer's own may be known only at run time.
        var untied = Spec is LinearSpec { TieWhen.Value: null } tied
            ? new LayerInstance(Name, Layer with { Evaluated = tied with { Tie = null } }, Placement.None)
            : this;
        return annotation switch
        {
            AdapterSpec adapter => untied.Targets(new Placed<AdapterSpec>(adapter, Layer.Owner, "")),
            QuantizeSpec quantizer => untied.QuantizerFor(quantizer, "") is not null,
            _ => true,
        };
    }

    /// <summary>What a class-level quantizer makes of this layer: itself, its bits for the ends, or nothing.</summary>
    /// <param name="quantizer">The quantizer.</param>
    /// <param name="prefix">Name of the model that carries it, with a dot.</param>
    public QuantizeSpec? QuantizerFor(QuantizeSpec quantizer, string prefix)
    {
        if (Spec is not (LinearSpec { IsUntied: true } or Conv2dSpec or AttentionSpec))
        {
            return null;
        }

        if (quantizer.Targets is not null)
        {
            return LayerTargets.Match(quantizer.Targets, Name.Substring(prefix.Length)) ? quantizer : null;
        }

        var isEnd = Spec is Conv2dSpec || LayerTargets.IsOutputHead(Name);
        return !isEnd ? quantizer : quantizer.HasEnds ? quantizer.ForEnds : null;
    }
}

/// <summary>A class-level annotation and where its class lies: patterns are relative to that.</summary>
internal sealed record Placed<T>(T Annotation, ClassSpec Owner, string Prefix)
    where T : AnnotationSpec;

/// <summary>The class-level annotations of the models around a layer, outermost first.</summary>
internal sealed record Placement(
    IReadOnlyList<Placed<AdapterSpec>> Adapters, IReadOnlyList<Placed<QuantizeSpec>> Quantizers)
{
    public static readonly Placement None = new([], []);
}
