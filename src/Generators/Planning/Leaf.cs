using Marrow.Generators.Specs;
using Marrow.Shared;

namespace Marrow.Generators.Planning;

/// <summary>A layer with its full name.</summary>
/// <param name="Name">Name from the root, with indices: <c>layers.0.mlp.gate_proj</c>.</param>
/// <param name="Layer">The layer.</param>
/// <param name="Placement">Class-level annotations of all models around it, outermost first.</param>
internal sealed record Leaf(string Name, PlannedLayer Layer, Placement Placement)
{
    public IReadOnlyList<Placed<AdapterSpec>> ClassAdapters => Placement.Adapters;

    public IReadOnlyList<Placed<QuantizeSpec>> ClassQuantizers => Placement.Quantizers;

    /// <summary>The adapter that the layer gets: its own, or the first of a class around it that targets it.</summary>
    public AdapterSpec? Adapter => Layer.Evaluated is LinearSpec linear
        ? linear.Adapters.FirstOrDefault() ?? ClassAdapters.FirstOrDefault(Targets)?.Annotation
        : null;

    /// <summary>
    /// The quantizer that the layer gets: its own, or that of the first class around it that means it. Without patterns a
    /// class means every layer, the ends with their own bits.
    /// </summary>
    public QuantizeSpec? Quantizer => Layer.Evaluated.Annotations.OfType<QuantizeSpec>().FirstOrDefault()
        ?? ClassQuantizers.Select(placed => Meaning(placed.Annotation, placed.Prefix)).FirstOrDefault(found => found is not null);

    /// <summary>Whether this is an attention whose queries and keys become one product.</summary>
    public bool IsQkr => Layer.Evaluated is AttentionSpec && Quantizer is { IsQkr: true };

    /// <summary>Whether a class-level annotation means this layer.</summary>
    public bool Targets<T>(Placed<T> placed)
        where T : AnnotationSpec =>
        Layer.Evaluated is LinearSpec linear && (linear.Tie is null || linear.TieWhen.Value is false)
        && LayerTargets.Match(placed.Annotation.Targets, Name.Substring(placed.Prefix.Length));

    /// <summary>What a class-level quantizer makes of this layer: itself, its bits for the ends, or nothing.</summary>
    /// <param name="quantizer">The quantizer.</param>
    /// <param name="prefix">Name of the model that carries it, with a dot.</param>
    public QuantizeSpec? Meaning(QuantizeSpec quantizer, string prefix)
    {
        if (Layer.Evaluated is not (LinearSpec or Conv2dSpec or AttentionSpec) or LinearSpec { Tie: not null, TieWhen.Value: not false })
        {
            return null;
        }

        if (quantizer.Targets is not null)
        {
            return LayerTargets.Match(quantizer.Targets, Name.Substring(prefix.Length)) ? quantizer : null;
        }

        var isEnd = Layer.Evaluated is Conv2dSpec || LayerTargets.IsOutputHead(Name);
        return !isEnd ? quantizer : quantizer.HasEnds ? quantizer.ForEnds : null;
    }
}

/// <summary>A class-level annotation and where its class lies: patterns are relative to that.</summary>
internal sealed record Placed<T>(T Annotation, ClassSpec Owner, string Prefix)
    where T : AnnotationSpec;

/// <summary>The class-level annotations of the models around a layer, outermost first.</summary>
internal sealed record Placement(IReadOnlyList<Placed<AdapterSpec>> Adapters, IReadOnlyList<Placed<QuantizeSpec>> Quantizers)
{
    public static readonly Placement None = new([], []);
}
