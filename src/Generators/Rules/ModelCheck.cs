using Marrow.Generators.Planning;
using Marrow.Generators.Specs;

namespace Marrow.Generators.Rules;

/// <summary>A class under check: what it is made of, and its plan once its shape allows one.</summary>
internal sealed class ModelCheck
{
    private static readonly Func<ModelCheck, IEnumerable<Violation>>[] ShapeRules =
    [
        ClassShapeRule.Check,
        LayerPropertyRule.Check,
        ForwardRule.Check,
        AnnotationPlacementRule.Check,
        CircularBlocksRule.Check,
    ];

    private static readonly Func<ModelCheck, IEnumerable<Violation>>[] SizeRules =
    [
        SizeExpressionRule.Check,
        PositiveSizesRule.Check,
        AdapterOptionsRule.Check,
        TwoAdaptersRule.Check,
        TargetsRule.Check,
        AdapterSizesRule.Check,
        AdapterTooLargeRule.Check,
        HeadCountRule.Check,
        QuantizerBitsRule.Check,
        CgaRule.Check,
        QkrRule.Check,
        QuantizerOptionsRule.Check,
    ];

    private PlannedModel? symbolic;

    private ModelCheck(ModelClosure closure)
    {
        Closure = closure;
        Plan = PlannedModel.Of(closure);
        Leaves = Plan.RepeatsItself ? [] : [.. Plan.Leaves()];
    }

    public ModelClosure Closure { get; }

    public ClassSpec Type => Closure.Root;

    public PlannedModel Plan { get; }

    public IReadOnlyList<Leaf> Leaves { get; }

    /// <summary>All violations of a class, those of its shape first; sizes are checked only if the shape is right.</summary>
    public static IReadOnlyList<Violation> Run(ModelClosure closure)
    {
        var check = new ModelCheck(closure);
        var violations = ShapeRules.SelectMany(rule => rule(check)).ToList();
        return violations.Count > 0 ? violations : [.. SizeRules.SelectMany(rule => rule(check))];
    }

    /// <summary>
    /// Where to point at for a size of a layer that has a wrong value: its own argument if this class declares it,
    /// otherwise the base-call argument or the block that the value comes from.
    /// </summary>
    public Site Blame(Leaf leaf, string argument, Func<LayerSpec, SizeExpression?> size)
    {
        var attribute = leaf.Layer.Declared.Property.Attribute;
        if (IsOwn(leaf))
        {
            return new Site.Argument(leaf.Layer.Declared.Property.Name, attribute, argument);
        }

        symbolic ??= PlannedModel.Of(Closure, baseArguments: false);
        var source = symbolic.Leaves().FirstOrDefault(other => other.Name == leaf.Name);
        var parameter = source is null ? null : size(source.Layer.Evaluated)?.Names.FirstOrDefault();
        if (parameter is not null && Type.BaseKey is not null)
        {
            return new Site.BaseArgument(parameter);
        }

        var block = Type.Layers.FirstOrDefault(layer => leaf.Name.StartsWith(layer.Property.LayerName + ".", StringComparison.Ordinal));
        return block is null ? new Site.Class() : new Site.Attribute(block.Property.Name, block.Property.Attribute);
    }

    /// <summary>Whether the class itself declares the layer.</summary>
    public bool IsOwn(Leaf leaf) => ReferenceEquals(leaf.Layer.Owner, Type)
        && leaf.Name == leaf.Layer.Declared.Property.LayerName;

    /// <summary>Whether a wrong size shows only with this class's sizes, so that this class is the one to report it.</summary>
    public bool IsOurs(Leaf leaf, SizeExpression declared) => IsOwn(leaf) || declared.Names.Any() || !leaf.Layer.Owner.IsLocal;

    /// <summary>One violation for many layers: the first layer's sentence, and how many more.</summary>
    public static string AndMore(string sentence, int layers) => layers switch
    {
        <= 1 => sentence,
        2 => sentence + "; and 1 more layer",
        _ => $"{sentence}; and {layers - 1} more layers",
    };
}
