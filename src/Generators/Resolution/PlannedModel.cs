using Marrow.Generators.Declarations;
using Marrow.Generators.Sizes;

namespace Marrow.Generators.Resolution;

/// <summary>A model with its sizes evaluated, down to the last layer.</summary>
/// <param name="Type">The class.</param>
/// <param name="Layers">Its layers, those of its bases first.</param>
/// <param name="Adapters">Class-level adapters along its derivation, each with the class that carries it.</param>
/// <param name="Quantizers">Class-level quantizers along its derivation, each with the class that carries it.</param>
/// <param name="RepeatsItself">Whether a block of it contains the model itself, which then has no end.</param>
internal sealed record PlannedModel(
    ClassSpec Type,
    IReadOnlyList<PlannedLayer> Layers,
    IReadOnlyList<(AdapterSpec Adapter, ClassSpec Owner)> Adapters,
    IReadOnlyList<(QuantizeSpec Quantizer, ClassSpec Owner)> Quantizers,
    bool RepeatsItself)
{
    // Unrolling serves per-layer targets. Beyond any real depth the first copy of a block stands for all, so that a
    // mistyped count cannot freeze the editor.
    private const int MostCopies = 1024;
    private const int MostInstances = 4096;

    /// <summary>
    /// Evaluates a class of the closure. Constructor parameters without a value stay names, and what depends on
    /// them stays an expression.
    /// </summary>
    /// <param name="closure">The class and everything it is made of.</param>
    /// <param name="baseArguments">
    /// False: leave the root's base call symbolic, to see which argument a size comes from.
    /// </param>
    public static PlannedModel Of(ModelClosure closure, bool baseArguments = true) =>
        new Planner(closure, baseArguments).Plan(closure.Root, _ => null, []);

    /// <summary>
    /// Every layer of the model with its full name, blocks of constant count unrolled. An attention comes before the
    /// layers that it is made of.
    /// </summary>
    public IReadOnlyList<LayerInstance> Instances()
    {
        var instances = new List<LayerInstance>();
        if (!RepeatsItself)
        {
            Collect(instances, "", Placement.None);
        }

        return instances;
    }

    private void Collect(List<LayerInstance> instances, string prefix, Placement outer)
    {
        var placement = Place(prefix, outer);
        foreach (var layer in Layers.Where(layer => !layer.Evaluated.IsLeftOut))
        {
            foreach (var index in Indices(layer.Evaluated))
            {
                var name = layer.NameOf(index, prefix);
                if (layer.Block is null || layer.Evaluated is AttentionSpec)
                {
                    instances.Add(new LayerInstance(name, layer.At(index), placement));
                }

                if (layer.Block is not null)
                {
                    layer.Copy(index).Collect(instances, name + ".", placement);
                }

                if (instances.Count > MostInstances)
                {
                    break;
                }
            }
        }
    }

    /// <summary>
    /// The class-level annotations that hold inside this model, if it lies at <paramref name="prefix"/>.
    /// </summary>
    public Placement Place(string prefix, Placement outer)
    {
        var marked = Layers.Where(layer => layer.Declared.Property.IsTrained).ToList();
        return Adapters.Count + Quantizers.Count + marked.Count == 0
            ? outer
            : new(
                [
                    .. outer.Adapters,
                    .. Adapters.Select(pair => new Placed<AdapterSpec>(pair.Adapter, pair.Owner, prefix)),
                ],
                [
                    .. outer.Quantizers,
                    .. Quantizers.Select(pair => new Placed<QuantizeSpec>(pair.Quantizer, pair.Owner, prefix)),
                ],
                [.. outer.Marked, .. marked.Select(layer => prefix + layer.Declared.Property.LayerName)]);
    }

    /// <summary>
    /// The indices of a layer's copies: one null for a single layer, one 0 for a count known at run time.
    /// </summary>
    public static IEnumerable<long?> Indices(LayerSpec layer) => layer.Count switch
    {
        null => [null],
        { Integer: >= 0 and <= MostCopies and { } count } => Enumerable.Range(0, (int)count).Select(i => (long?)i),
        _ => [0],
    };
}

/// <summary>A layer of a planned model.</summary>
/// <param name="Declared">As written in its class.</param>
/// <param name="Evaluated">With the sizes of this model.</param>
/// <param name="Owner">The class that declares it.</param>
/// <param name="Block">For a block that is a model: the plan of its first copy.</param>
/// <param name="Copies">For a block whose copies differ: the plan of each; empty if they do not.</param>
internal sealed record PlannedLayer(
    LayerSpec Declared, LayerSpec Evaluated, ClassSpec Owner, PlannedModel? Block, IReadOnlyList<PlannedModel> Copies)
{
    /// <summary>The plan of a copy.</summary>
    public PlannedModel Copy(long? index) =>
        index is { } number && number < Copies.Count ? Copies[(int)number] : Block!;

    /// <summary>The name of a copy, or of a single layer.</summary>
    public string NameOf(long? index, string prefix = "") =>
        prefix + Declared.Property.LayerName + (index is null ? "" : $".{index}");

    /// <summary>A copy by its number, which its arguments may name.</summary>
    public PlannedLayer At(long? index) => index is not { } number || !Evaluated.HasCopyIndex ? this : this with
    {
        Evaluated = Evaluated.Evaluate(expression => expression.Evaluate(name =>
            name == SizeExpression.CopyIndex ? new SizeExpression.Literal(number) : null)),
    };
}
