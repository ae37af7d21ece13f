using Marrow.Generators.Planning;
using Marrow.Generators.Specs;

namespace Marrow.Generators.Emission;

/// <summary>The specialised layer classes of a model: one for each combination of adapter and sizes.</summary>
internal sealed class AdaptedLayers
{
    private readonly Dictionary<AdaptedLayer, string> names = [];
    private readonly ClassSpec type;

    public AdaptedLayers(ClassSpec type, PlannedModel plan)
    {
        this.type = type;
        var leaves = type.Adapters.Count == 0 || plan.RepeatsItself ? [] : plan.Leaves().ToList();

        // The plan evaluated the class's own adapters in order; the last of its lineage are this class's.
        var evaluated = plan.Adapters.Where(pair => ReferenceEquals(pair.Owner, type)).Select(pair => pair.Adapter).ToList();
        Specialisations = [.. evaluated.Select(adapter => Specialise(adapter, leaves))];
        foreach (var linear in type.Layers.OfType<LinearSpec>().Where(linear => linear.Adapters.Count > 0))
        {
            NameOf(LayerOf(linear));
        }
    }

    public IReadOnlyList<SpecialisationView> Specialisations { get; }

    /// <summary>The adapters in words, for the file's header.</summary>
    public IReadOnlyList<string> Words => [.. names.Keys.Select(layer => PlanTable.Words(layer.Adapter)).Distinct()];

    /// <summary>The classes as text, in the order of first use.</summary>
    public IReadOnlyList<string> Rendered =>
        [.. names.Select(pair => Templates.Render(pair.Key.Template, AdaptedLayerView.Of(pair.Value, pair.Key)).TrimEnd())];

    /// <summary>The lambda that makes a layer with an adapter of its own, or null.</summary>
    public string? FactoryOf(LinearSpec linear) => linear.Adapters.Count == 0
        ? null
        : $"site => new {NameOf(LayerOf(linear))}{Arguments(LayerOf(linear))}";

    private static AdaptedLayer LayerOf(LinearSpec linear) =>
        new(linear.Adapters[0], linear.In.Integer, linear.Out.Integer);

    private SpecialisationView Specialise(AdapterSpec adapter, IReadOnlyList<Leaf> leaves)
    {
        var layers = leaves
            .Where(leaf => leaf.Targets(new Placed<AdapterSpec>(adapter, type, "")) && ((LinearSpec)leaf.Layer.Evaluated).Adapters.Count == 0)
            .Select(leaf => (LinearSpec)leaf.Layer.Evaluated)
            .Select(linear => new AdaptedLayer(adapter, linear.In.Integer, linear.Out.Integer))
            .Distinct()
            .OrderBy(layer => layer.IsConstant ? 0 : 1)
            .ToList();
        return new SpecialisationView(
            adapter.Targets is { } targets ? new SizeExpression.Literal(targets).ToString() : "null",
            adapter.Targets is null ? "Every linear layer but the output head" : $"Every linear layer that \"{adapter.Targets}\" matches",
            PlanTable.Words(adapter),
            [.. layers.Select(layer => new ArmView(
                layer.IsConstant ? $"({layer.In}, {layer.Out})" : "_",
                $"new {NameOf(layer)}{Arguments(layer)}"))],
            layers.All(layer => layer.IsConstant));
    }

    private string NameOf(AdaptedLayer layer)
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
    private static string Arguments(AdaptedLayer layer) => "(" + string.Join(", ", layer.RunTimeOptions
        .Select(option => $"{option.Name}: {option.Size.Print(FieldView.FieldOf)}")
        .Prepend("site")) + ")";
}

/// <summary>One call of the builder that adapts the layers a class-level annotation targets.</summary>
/// <param name="Targets">The patterns as C#.</param>
/// <param name="Which">The layers in words.</param>
/// <param name="What">The adapter in words.</param>
/// <param name="Arms">A case per shape, the one for run-time sizes last.</param>
/// <param name="IsComplete">Whether all shapes are known, so that another one is a bug.</param>
internal sealed record SpecialisationView(
    string Targets, string Which, string What, IReadOnlyList<ArmView> Arms, bool IsComplete);

/// <summary>A case of the switch over shapes.</summary>
internal sealed record ArmView(string Shape, string Create);

/// <summary>A linear layer with an adapter and the sizes that are constants.</summary>
internal sealed record AdaptedLayer(AdapterSpec Adapter, long? In, long? Out)
{
    /// <summary>Both sizes known; otherwise the class reads them from its layer.</summary>
    public bool IsConstant => In is not null && Out is not null;

    /// <summary>Options that are expressions over the constructor's parameters, with their parameter names.</summary>
    public IEnumerable<(string Name, SizeExpression Size)> RunTimeOptions => Adapter.Sizes
        .Where(pair => pair.Size.Value is null)
        .Select(pair => (char.ToLowerInvariant(pair.Option[0]) + pair.Option.Substring(1), pair.Size));

    public string Template => Adapter switch
    {
        BoneSpec { Form: "Row" } => "BoneRow",
        BoneSpec { Form: "Column" } => "BoneColumn",
        BoneSpec => "BoneFree",
        _ => "Lora",
    };

    /// <summary>Name of the emitted class: <c>BoneRow64Linear4096To11008</c>.</summary>
    public string Name
    {
        get
        {
            var method = Adapter switch
            {
                BoneSpec bone => $"Bone{bone.Form}{bone.BlockSize.Integer}",
                LoraSpec lora => $"Lora{lora.Rank.Integer}",
                _ => Adapter.Attribute,
            };
            return IsConstant ? $"{method}Linear{In}To{Out}" : $"{method}Linear";
        }
    }
}
