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

    public string Name => Symbols.Escape(type.Name);

    public string BaseClause => ForwardView.BaseClause(type);

    /// <summary>Whether the base has a plan that this class's hides.</summary>
    public bool HidesPlan => ModelView.HasPlan(closure, type.BaseKey);

    public string Message => SizeExpression.Quote(message);

    public IReadOnlyList<string> Properties =>
    [
        .. type.Layers.Select(layer => layer.Property)
            .Where(property => property.Modifiers.Split(' ').Contains("partial"))
            .Select(property => $"{property.Modifiers} {property.Type} {Symbols.Escape(property.Name)}"),
    ];

    public IReadOnlyList<FieldView> Unread => [.. FieldView.Of(type)];

    public ForwardView? Forward => type.Forward.Error is null ? ForwardView.Of(type) : null;
}
