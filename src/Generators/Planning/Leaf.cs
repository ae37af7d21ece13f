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
    public QuantizeSpec? Quantizer => Layer.Evaluated switch
    {
        LinearSpec { Tie: not null, TieWhen.Value: not false } => null,
        LinearSpec linear => linear.Quantizer ?? FromClass(isEnd: LayerTargets.IsOutputHead(Name)),
        _ => null,
    };

    /// <summary>Whether a class-level annotation means this layer.</summary>
    public bool Targets<T>(Placed<T> placed)
        where T : AnnotationSpec =>
        Layer.Evaluated is LinearSpec linear && (linear.Tie is null || linear.TieWhen.Value is false)
        && LayerTargets.Match(placed.Annotation.Targets, Name.Substring(placed.Prefix.Length));

    private QuantizeSpec? FromClass(bool isEnd)
    {
        foreach (var (quantizer, _, prefix) in ClassQuantizers)
        {
            if (quantizer.Targets is null)
            {
                return !isEnd ? quantizer : quantizer.HasEnds ? quantizer.ForEnds : null;
            }

            if (LayerTargets.Match(quantizer.Targets, Name.Substring(prefix.Length)))
            {
                return quantizer;
            }
        }

        return null;
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
