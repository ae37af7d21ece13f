using Marrow.Generators.Equatable;

namespace Marrow.Generators.Specs;

/// <summary>An adapter or a quantizer, on a class or on a layer.</summary>
/// <param name="Attribute">The attribute's name without suffix.</param>
/// <param name="Targets">Patterns over layer names, or null.</param>
/// <param name="Given">Names of the options that were written out.</param>
internal abstract record AnnotationSpec(string Attribute, string? Targets, EquatableArray<string> Given)
{
    /// <summary>The integer options, which may be expressions, with their names.</summary>
    public abstract IEnumerable<(string Option, SizeExpression Size)> Sizes { get; }
}
