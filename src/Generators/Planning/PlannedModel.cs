using Marrow.Generators.Specs;

namespace Marrow.Generators.Planning;

/// <summary>A model with its sizes evaluated, down to the last layer.</summary>
/// <param name="Type">The class.</param>
/// <param name="Layers">Its layers, those of its bases first.</param>
/// <param name="Adapters">Class-level adapters along its derivation, each with the class that carries it.</param>
/// <param name="RepeatsItself">Whether a block of it contains the model itself, which then has no end.</param>
internal sealed record PlannedModel(
    ClassSpec Type,
    IReadOnlyList<PlannedLayer> Layers,
    IReadOnlyList<(AdapterSpec Adapter, ClassSpec Owner)> Adapters,
    bool RepeatsItself)
{
    /// <summary>
    /// Evaluates a class of the closure. Constructor parameters without a value stay names, and what depends on
    /// them stays an expression.
    /// </summary>
    /// <param name="closure">The class and everything it is made of.</param>
    /// <param name="baseArguments">False: leave the root's base call symbolic, to see which argument a size comes from.</param>
    public static PlannedModel Of(ModelClosure closure, bool baseArguments = true) =>
        new Planner(closure, baseArguments).Plan(closure.Root, _ => null, []);

    /// <summary>Every layer of the model with its full name, blocks of constant count unrolled.</summary>
    public IEnumerable<Leaf> Leaves() => Leaves("", []);

    private IEnumerable<Leaf> Leaves(string prefix, IReadOnlyList<PlacedAdapter> outer)
    {
        var adapters = Place(prefix, outer);
        foreach (var layer in Layers)
        {
            var name = prefix + layer.Declared.Property.LayerName;
            if (layer.Block is null)
            {
                yield return new Leaf(name, layer, adapters);
                continue;
            }

            var block = (BlockSpec)layer.Evaluated;
            foreach (var index in Indices(block))
            {
                foreach (var leaf in layer.Block.Leaves(index is null ? name + "." : $"{name}.{index}.", adapters))
                {
                    yield return leaf;
                }
            }
        }
    }

    /// <summary>The class-level adapters that hold inside this model, if it lies at <paramref name="prefix"/>.</summary>
    public IReadOnlyList<PlacedAdapter> Place(string prefix, IReadOnlyList<PlacedAdapter> outer) =>
        [.. outer, .. Adapters.Select(pair => new PlacedAdapter(pair.Adapter, pair.Owner, prefix))];

    /// <summary>The indices of a block's copies: one null for a single block, one 0 for a count known at run time.</summary>
    public static IEnumerable<long?> Indices(BlockSpec block) => block.Count switch
    {
        null => [null],
        { Integer: > 0 and <= MostCopies and { } count } => Enumerable.Range(0, (int)count).Select(i => (long?)i),
        _ => [0],
    };

    // Unrolling serves per-layer targets; beyond any real depth the first copy stands for all, so that a mistyped
    // count cannot freeze the editor.
    private const int MostCopies = 1024;
}

/// <summary>A layer of a planned model.</summary>
/// <param name="Declared">As written in its class.</param>
/// <param name="Evaluated">With the sizes of this model.</param>
/// <param name="Owner">The class that declares it.</param>
/// <param name="Block">For a block that is a model: its plan.</param>
internal sealed record PlannedLayer(LayerSpec Declared, LayerSpec Evaluated, ClassSpec Owner, PlannedModel? Block);

/// <summary>A layer with its full name.</summary>
/// <param name="Name">Name from the root, with indices: <c>layers.0.mlp.gate_proj</c>.</param>
/// <param name="Layer">The layer.</param>
/// <param name="ClassAdapters">Class-level adapters of all models around it, outermost first.</param>
internal sealed record Leaf(string Name, PlannedLayer Layer, IReadOnlyList<PlacedAdapter> ClassAdapters)
{
    /// <summary>The adapter that the layer gets: its own, or the first of a class around it that targets it.</summary>
    public AdapterSpec? Adapter => Layer.Evaluated is LinearSpec linear
        ? linear.Adapters.FirstOrDefault() ?? ClassAdapters.FirstOrDefault(Targets)?.Adapter
        : null;

    /// <summary>Whether a class-level adapter means this layer.</summary>
    public bool Targets(PlacedAdapter placed) =>
        Layer.Evaluated is LinearSpec linear && (linear.Tie is null || linear.TieWhen.Value is false)
        && Shared.LayerTargets.Match(placed.Adapter.Targets, Name.Substring(placed.Prefix.Length));
}

/// <summary>A class-level adapter and where its class lies: patterns are relative to that.</summary>
internal sealed record PlacedAdapter(AdapterSpec Adapter, ClassSpec Owner, string Prefix);
