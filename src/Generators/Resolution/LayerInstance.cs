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
        IsTrained = placement.Trains(name);
        Quantizer = Spec.Quantizer ?? placement.Quantizers
            .Select(placed => QuantizerFor(placed.Annotation, placed.Prefix))
            .FirstOrDefault(found => found is not null);
        Adapter = Spec.Adapters.FirstOrDefault() ?? placement.Adapters.FirstOrDefault(Targets)?.Annotation;
    }

    public string Name { get; }

    public PlannedLayer Layer { get; }

    public Placement Placement { get; }

    /// <summary>
    /// Whether the layer is trained whole where there are adapters; then no class's annotation means it.
    /// </summary>
    public bool IsTrained { get; }

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
    public bool Targets(Placed<AdapterSpec> placed)
    {
        var (adapter, name) = (placed.Annotation, Name.Substring(placed.Prefix.Length));
        return !IsTrained && adapter.Adapts(Spec) && Spec switch
        {
            LinearSpec linear => linear.IsUntied && adapter.Means(name, Spec.Property.IsHead),
            _ => Quantizer is null && adapter.Names(name), // only a linear layer's class does both
        };
    }

    /// <summary>
    /// Whether an annotation of the model's own class means this layer, or may mean it once sizes are known.
    /// </summary>
    public bool CanTake(AnnotationSpec annotation)
    {
        // Whether the weight is the layer's own may be known only at run time.
        var untied = Spec is LinearSpec { TieWhen.Value: null } tied
            ? new LayerInstance(Name, Layer with { Evaluated = tied with { Tie = null } }, Placement)
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
        if (IsTrained
            || Spec is not (LinearSpec { IsUntied: true } or Conv2dSpec { Adapters.Count: 0 } or AttentionSpec)
            || !quantizer.Means(Name.Substring(prefix.Length), isHead: false))
        {
            return null;
        }

        var isEnd = quantizer.Targets is null && (Spec is Conv2dSpec || Spec.Property.IsHead);
        return !isEnd ? quantizer : quantizer.HasEnds ? quantizer.ForEnds : null;
    }
}

/// <summary>A class-level annotation and where its class lies: patterns are relative to that.</summary>
internal sealed record Placed<T>(T Annotation, ClassSpec Owner, string Prefix)
    where T : AnnotationSpec;

/// <summary>What the models around a layer say of it, outermost first.</summary>
/// <param name="Adapters">Class-level adapters.</param>
/// <param name="Quantizers">Class-level quantizers.</param>
/// <param name="Marked">Full names of the layers and blocks that carry [Train].</param>
internal sealed record Placement(
    IReadOnlyList<Placed<AdapterSpec>> Adapters,
    IReadOnlyList<Placed<QuantizeSpec>> Quantizers,
    IReadOnlyList<string> Marked)
{
    public static readonly Placement None = new([], [], []);

    /// <summary>Whether a layer, or a block that it is in, is trained whole where there are adapters.</summary>
    public bool Trains(string layer)
    {
        var patterns = Adapters.Where(placed => placed.Annotation.Header.Train is not null).ToList();
        return (patterns.Count > 0 || Marked.Count > 0) && LayerTargets.Around(layer).Any(name =>
            Marked.Contains(name) || patterns.Exists(placed => name.Length > placed.Prefix.Length
                && LayerTargets.Match(placed.Annotation.Header.Train!, name.Substring(placed.Prefix.Length))));
    }
}
