using Marrow.Generators.Equatable;
using Marrow.Generators.Sizes;

namespace Marrow.Generators.Declarations;

/// <summary>The property that declares a layer.</summary>
/// <param name="Name">Its C# name.</param>
/// <param name="LayerName">Its name in checkpoints, relative to the class.</param>
/// <param name="IsNamed">Whether that name is written out with [Name].</param>
/// <param name="IsHead">Whether it carries [Head].</param>
/// <param name="IsTrained">Whether it carries [Train].</param>
/// <param name="Modifiers">Its modifiers as written, with <c>partial</c>.</param>
/// <param name="Type">Its type as C# text.</param>
/// <param name="Attribute">The layer attribute's name without suffix: <c>Linear</c>.</param>
/// <param name="Error">What is wrong with the property (MRW002), or null.</param>
/// <param name="Errors">What was wrong with the attribute's options as they were written.</param>
internal sealed record PropertySpec(
    string Name,
    string LayerName,
    bool IsNamed,
    bool IsHead,
    bool IsTrained,
    string Modifiers,
    string Type,
    string Attribute,
    string? Error,
    EquatableArray<ArgumentError> Errors)
{
    /// <summary>The emitted backing field.</summary>
    public string Field { get; init; } = "__" + Name;

    /// <summary>The setter as written, which a layer must not have, or null.</summary>
    public string? Setter { get; init; }

    /// <summary>How many copies there are, or null for a single layer.</summary>
    public SizeExpression? Count { get; init; }

    /// <summary>Whether there is such a layer, or null if there always is.</summary>
    public SizeExpression? When { get; init; }

    /// <summary>What the weight starts with, or null if that is not written out.</summary>
    public InitSpec? Init { get; init; }

    /// <summary>What every layer's attribute can say.</summary>
    public IEnumerable<Argument> Arguments => new[]
    {
        Count is null ? null : new Argument("Count", Count, ValueKind.Integer),
        When is null ? null : new Argument("When", When, ValueKind.Boolean),
        Init?.Argument,
    }.OfType<Argument>();

    /// <summary>The same property with its expressions evaluated.</summary>
    public PropertySpec Evaluate(Func<SizeExpression, SizeExpression> evaluate) => Count is null && When is null && Init is null
        ? this
        : this with
        {
            Count = Count is null ? null : evaluate(Count),
            When = When is null ? null : evaluate(When),
            Init = Init?.Evaluate(evaluate),
        };

    /// <summary>A layer that this one is made of.</summary>
    public PropertySpec Part(string name) => this with { LayerName = name, Count = null, When = null, Init = null };
}
