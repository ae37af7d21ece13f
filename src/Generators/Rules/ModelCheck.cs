using Marrow.Generators.Declarations;
using Marrow.Generators.Resolution;
using Marrow.Generators.Sizes;

namespace Marrow.Generators.Rules;

/// <summary>A class under check: what it is made of, and its plan once its shape allows one.</summary>
internal sealed class ModelCheck
{
    private static readonly Func<ModelCheck, IEnumerable<Violation>>[] ShapeRules =
    [
        ClassShapeRule.Check,
        LayerPropertyRule.Check,
        LayerNamesRule.Check,
        ForwardRule.Check,
        AnnotationPlacementRule.Check,
        CircularBlocksRule.Check,
    ];

    private static readonly Func<ModelCheck, IEnumerable<Violation>>[] SizeRules =
    [
        SizeExpressionRule.Check,
        BlockArgumentsRule.Check,
        ReplaceRule.Check,
        PositiveSizesRule.Check,
        LayerOptionsRule.Check,
        TiedLayersRule.Check,
        AdaptedKindRule.Check,
        ParameterCountRule.Check,
        AnnotationOptionsRule.Check,
        TwoAdaptersRule.Check,
        MeansNothingRule.Check,
        TargetsRule.Check,
        AdapterSizesRule.Check,
        AdapterTooLargeRule.Check,
        HeadCountRule.Check,
        QuantizerBitsRule.Check,
        CgaRule.Check,
        QuantizerOptionsRule.Check,
        UndeclaredStateRule.Check,
        CheckpointMappingRule.Check,
    ];

    private Dictionary<string, LayerInstance>? symbolic;

    private ModelCheck(ModelClosure closure)
    {
        Closure = closure;
        Plan = PlannedModel.Of(closure);
        Layers = Plan.Instances();
    }

    public ModelClosure Closure { get; }

    public ClassSpec Type => Closure.Root;

    public PlannedModel Plan { get; }

    /// <summary>Every layer of the model.</summary>
    public IReadOnlyList<LayerInstance> Layers { get; }

    /// <summary>
    /// All violations of a class, those of its shape first; sizes are checked only if the shape is right.
    /// </summary>
    /// <param name="closure">The class.</param>
    /// <param name="rules">The rules of single methods.</param>
    public static IReadOnlyList<Violation> Run(
        ModelClosure closure, IReadOnlyList<Func<ModelCheck, IEnumerable<Violation>>> rules)
    {
        if (closure.Root.IsRepeated)
        {
            return [];
        }

        var check = new ModelCheck(closure);
        var violations = ShapeRules.SelectMany(rule => rule(check)).ToList();
        return violations.Count > 0 ? violations : [.. SizeRules.Concat(rules).SelectMany(rule => rule(check))];
    }

    /// <summary>
    /// Where a size of a layer that has a wrong value comes from: its own argument if this class declares it,
    /// otherwise the base-call argument or the block that the value comes through.
    /// </summary>
    public Site FindCause(LayerInstance layer, string argument, Func<LayerSpec, SizeExpression?> size)
    {
        if (IsOwn(layer))
        {
            var property = layer.Layer.Declared.Property;
            return new Site.Argument(property.Name, property.Attribute, argument);
        }

        if (Type.BaseKey is not null)
        {
            symbolic ??= PlannedModel.Of(Closure, baseArguments: false).Instances()
                .GroupBy(other => other.Name)
                .ToDictionary(group => group.Key, group => group.First());
            var parameter = symbolic.TryGetValue(layer.Name, out var source)
                ? size(source.Spec)?.Names.FirstOrDefault()
                : null;
            if (parameter is not null)
            {
                return new Site.BaseArgument(parameter);
            }
        }

        var block = Type.Layers.FirstOrDefault(
            own => layer.Name.StartsWith(own.Property.LayerName + ".", StringComparison.Ordinal));
        return block is null ? new Site.Class() : new Site.Attribute(block.Property.Name, block.Property.Attribute);
    }

    /// <summary>The same for an argument of the layer's attribute.</summary>
    public Site FindCause(LayerInstance layer, string argument) => FindCause(
        layer, argument, spec => spec.Arguments.FirstOrDefault(candidate => candidate.Name == argument)?.Value);

    /// <summary>Whether the class itself declares the layer.</summary>
    public bool IsOwn(LayerInstance layer)
    {
        var property = layer.Layer.Declared.Property;
        return ReferenceEquals(layer.Layer.Owner, Type) && (property.Count is null
            ? layer.Name == property.LayerName
            : layer.Name.LastIndexOf('.') == property.LayerName.Length
                && layer.Name.StartsWith(property.LayerName, StringComparison.Ordinal));
    }

    /// <summary>
    /// Whether a wrong value shows only with this class's sizes, so that this class is the one to report it.
    /// </summary>
    public bool IsOurs(LayerInstance layer, SizeExpression? declared) =>
        IsOwn(layer) || declared?.Names.Any() == true || !layer.Layer.Owner.IsLocal;

    /// <summary>The same for an argument of the layer's attribute.</summary>
    public bool IsOurs(LayerInstance layer, string argument) => IsOurs(
        layer, layer.Layer.Declared.Arguments.FirstOrDefault(candidate => candidate.Name == argument)?.Value);

    /// <summary>
    /// Where an option of the adapter of a layer stands in this class: on the layer or on the class; null if another
    /// class wrote it.
    /// </summary>
    public Site? SiteOf(LayerInstance layer, string option)
    {
        var adapter = layer.Adapter!;
        if (layer.Spec.Adapters.Count > 0)
        {
            return IsOwn(layer)
                ? new Site.Argument(layer.Spec.Property.Name, adapter.Attribute, option) { Index = adapter.Position }
                : null;
        }

        return Type.Adapters.Any(adapter.IsSameAs)
            ? new Site.Argument(null, adapter.Attribute, option) { Index = adapter.Position }
            : null;
    }

    /// <summary>One violation for many layers: the first layer's sentence, and how many more.</summary>
    public static string AndMore(string sentence, int layers) => layers switch
    {
        <= 1 => sentence,
        2 => sentence + "; and 1 more layer",
        _ => $"{sentence}; and {layers - 1} more layers",
    };
}
