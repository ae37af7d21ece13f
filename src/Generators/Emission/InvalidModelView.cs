using Marrow.Generators.Rules;
using Marrow.Generators.Specs;

namespace Marrow.Generators.Emission;

/// <summary>
/// A model that breaks a rule: it keeps its members, so that no cascade of compiler errors hides the one message,
/// but each throws it.
/// </summary>
internal sealed class InvalidModelView(ModelClosure closure, Violation violation)
{
    public string Name => closure.Root.Name;

    public string BaseClause => ForwardView.BaseClause(closure.Root);

    public string Message => new SizeExpression.Literal($"{violation.Id}: {violation.Message}").ToString();

    public IReadOnlyList<PropertySpec> Properties =>
        [.. closure.Root.Layers.Select(layer => layer.Property).Where(property => property.Modifiers.Contains("partial"))];

    public IReadOnlyList<string> Unread => [.. FieldView.Copied(closure.Root).Select(parameter => parameter.Name)];

    public ForwardView? Forward => closure.Root.Forward.Fault is null ? ForwardView.Of(closure.Root) : null;
}
