using Marrow.Generators.Declarations;
using Marrow.Generators.Reading;
using Marrow.Generators.Sizes;

namespace Marrow.Generators.Emission;

/// <summary>
/// A model that breaks a rule: it keeps its members, so that no cascade of compiler errors hides the one message,
/// but each throws it.
/// </summary>
internal sealed class InvalidModelView(ModelClosure closure, string message)
{
    private readonly ClassSpec type = closure.Root;

    public string Declaration => type.Declaration;

    public string BaseClause => IsModel ? ForwardView.BaseClause(type) : "";

    /// <summary>The emitted members whose names nothing of the user's own has.</summary>
    public bool HasPlan => IsFree("Plan");

    public bool HasBuildLayers => IsFree("BuildLayers");

    public bool HasForward => IsFree("forward");

    /// <summary>Whether the class and its bases can have a model's members.</summary>
    public bool IsModel => !type.HidesForward
        && closure.Lineage(type).All(ancestor => ancestor.Error is null or { Stub: Stub.Model });

    /// <summary>Whether the base has a plan that this class's hides.</summary>
    public bool HidesPlan => ModelView.HasPlan(closure, type.BaseKey);

    public string Message => SizeExpression.Quote(message);

    public IReadOnlyList<string> Properties =>
    [
        .. type.Layers.Select(layer => layer.Property)
            .Where(property => property.Modifiers.Split(' ').Contains("partial"))
            .GroupBy(property => property.Name)
            .Select(group => group.First())
            .Select(property =>
                $"{property.Modifiers} {property.Type} {Symbols.Escape(property.Name)} {Accessors(property)}"),
    ];

    public IReadOnlyList<FieldView> Unread =>
        IsModel && type is { HasPrimaryConstructor: true, IsRepeated: false }
            ? [.. FieldView.Of(type).Where(copy => copy.Name != "__Error")]
            : [];

    public ForwardView? Forward => type.Forward.Error is null || type.IsRepeated ? ForwardView.Of(type) : null;

    private bool IsFree(string name) =>
        type.Name != name && !type.OwnNames.Contains(name) && type.Layers.All(layer => layer.Property.Name != name);

    private static string Accessors(PropertySpec property) => property.Setter is { } setter
        ? $"{{ get => {Throw}; {setter} => {Throw}; }}"
        : $"=> {Throw};";

    private const string Throw = "throw new global::System.InvalidOperationException(__Error)";
}
