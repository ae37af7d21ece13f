using Marrow.Generators.Diagnostics;
using Marrow.Generators.Equatable;
using Marrow.Generators.Sizes;
using Marrow.Shared;

namespace Marrow.Generators.Declarations;

/// <summary>What is common to an adapter's and a quantizer's attribute, on a class or on a layer.</summary>
/// <param name="Attribute">The attribute's name without suffix.</param>
/// <param name="Position">How many of the same attribute stand before it on its carrier.</param>
/// <param name="Origin">The class and property that carry it: tells equal annotations of two places apart.</param>
/// <param name="Targets">Patterns of the layers it means, or null.</param>
/// <param name="Exclude">Patterns of the layers it leaves out, or null.</param>
/// <param name="Train">Patterns of what is trained whole beside it, or null.</param>
/// <param name="Bias">Which biases are trained beside it.</param>
/// <param name="Given">Names of the options that are written out.</param>
/// <param name="Errors">What was wrong with the options as they were written.</param>
internal sealed record AnnotationHeader(
    string Attribute,
    int Position,
    string Origin,
    string? Targets,
    string? Exclude,
    string? Train,
    AdapterBias Bias,
    EquatableArray<string> Given,
    EquatableArray<ArgumentError> Errors);

/// <summary>An adapter or a quantizer, on a class or on a layer.</summary>
internal abstract record AnnotationSpec(AnnotationHeader Header)
{
    public string Attribute => Header.Attribute;

    public string? Targets => Header.Targets;

    /// <summary>Whether layers are told apart by their names.</summary>
    public bool HasPatterns => (Targets ?? Header.Exclude ?? Header.Train) is not null;

    /// <summary>Whether it means the layer of this name, counted from the class that carries it.</summary>
    public bool Means(string layer, bool isHead) => LayerTargets.Mean(Targets, Header.Exclude, layer, isHead);

    /// <summary>Whether it names a layer that is not linear, counted from the class that carries it.</summary>
    public bool Names(string layer) => LayerTargets.Name(Targets, Header.Exclude, layer);

    /// <summary>How many of the same attribute stand before it on its carrier.</summary>
    public int Position => Header.Position;

    /// <summary>The options that may be expressions over the constructor's parameters.</summary>
    public abstract IEnumerable<Argument> Arguments { get; }

    /// <summary>Whether an option is written out.</summary>
    public bool Has(string option) => Header.Given.Contains(option);

    /// <summary>
    /// Whether this is the annotation that <paramref name="other"/> is too, evaluated with whatever sizes.
    /// </summary>
    public bool IsSameAs(AnnotationSpec other) =>
        (Attribute, Position) == (other.Attribute, other.Position) && Header.Origin == other.Header.Origin;
}

/// <summary>An argument of an attribute: a constructor argument or an option.</summary>
/// <param name="Name">Its name; <c>sizes#2</c> is the third of a list.</param>
/// <param name="Value">Its value.</param>
/// <param name="Kind">What kind of value it takes.</param>
/// <param name="What">For a size that must be positive: the words a message uses for it.</param>
/// <param name="Id">The diagnostic of a value of another kind.</param>
internal sealed record Argument(
    string Name, SizeExpression Value, ValueKind Kind, string? What = null, string Id = DiagnosticIds.SizeExpression);

/// <summary>A value that an argument cannot have.</summary>
/// <param name="Argument">The argument's name.</param>
/// <param name="Message">The sentence to show.</param>
/// <param name="Id">The diagnostic.</param>
internal sealed record ArgumentError(string Argument, string Message, string Id);
