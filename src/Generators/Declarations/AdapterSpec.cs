using Marrow.Generators.Diagnostics;
using Marrow.Generators.Sizes;

namespace Marrow.Generators.Declarations;

/// <summary>An adapter annotation: everything that the rules, the plan and the emission ask of its method.</summary>
/// <param name="Header">The attribute as written.</param>
/// <param name="Dropout">Dropout on the adapter's input, in training; null if there is none.</param>
internal abstract record AdapterSpec(AnnotationHeader Header, SizeExpression? Dropout) : AnnotationSpec(Header)
{
    /// <summary>Whether there is dropout, or may be at run time.</summary>
    public bool HasDropout => Dropout is not null and not { Number: 0 };

    /// <summary>The method's name and its main options in words: <c>Bone row, block 64</c>.</summary>
    public abstract string Words { get; }

    /// <summary>The same as part of a class name: <c>BoneRow64</c>.</summary>
    public abstract string ClassName { get; }

    /// <summary>The option that decides how large the adapter is.</summary>
    public abstract string SizeOption { get; }

    /// <summary>The template of its layer classes.</summary>
    public abstract string Template { get; }

    /// <summary>The options of the method itself that may be expressions.</summary>
    private protected abstract IEnumerable<Argument> OwnArguments { get; }

    public sealed override IEnumerable<Argument> Arguments => Dropout is null
        ? OwnArguments
        : OwnArguments.Append(new("Dropout", Dropout, ValueKind.Number, Id: DiagnosticIds.UnknownOption));

    /// <summary>The same adapter with its expressions evaluated.</summary>
    public AdapterSpec Evaluate(Func<SizeExpression, SizeExpression> evaluate) =>
        EvaluateOwn(evaluate) with { Dropout = Dropout is null ? null : evaluate(Dropout) };

    /// <summary>The same adapter with the method's own expressions evaluated.</summary>
    private protected abstract AdapterSpec EvaluateOwn(Func<SizeExpression, SizeExpression> evaluate);

    /// <summary>Options that do not go with each other, or are out of their range whatever the layer.</summary>
    public abstract IEnumerable<ArgumentError> OptionErrors();

    /// <summary>The faults of options as errors of the attribute.</summary>
    private protected static IEnumerable<ArgumentError> Wrong(IEnumerable<(string Option, string Message)> faults) =>
        faults.Select(fault => new ArgumentError(fault.Option, fault.Message, DiagnosticIds.UnknownOption));

    /// <summary>Why the adapter does not suit a layer of these sizes, or null.</summary>
    public abstract SizeError? SizeErrorOn(string layer, long inFeatures, long outFeatures);

    /// <summary>
    /// The nearest values of <see cref="SizeOption"/> that suit all of these layers, for a code fix; none if there is
    /// no obvious one.
    /// </summary>
    public virtual IReadOnlyList<long> SizesThatFit(IEnumerable<(long In, long Out)> layers) => [];

    /// <summary>Whether the method has an adapter of a layer of this kind, whatever its sizes.</summary>
    public virtual bool Adapts(LayerSpec layer) => layer is LinearSpec;

    /// <summary>
    /// The creation of an adapted convolution or embedding from its <c>site</c>; null if the method has none. Linear
    /// layers have emitted classes.
    /// </summary>
    /// <param name="layer">The layer.</param>
    /// <param name="code">A size as C# of a type.</param>
    public virtual string? Creation(LayerSpec layer, Func<SizeExpression, string, string> code) => null;

    /// <summary>Trainable parameters on a layer of these sizes; null if a size is known only at run time.</summary>
    /// <exception cref="OverflowException">There are more than a 64-bit integer holds.</exception>
    public abstract long? ParameterCount(long? inFeatures, long? outFeatures);

    /// <summary>Whether the emitted forward of a linear layer keeps its input for the backward.</summary>
    public virtual bool KeepsInput => true;

    /// <summary>How many values more it keeps of each row; null if a size is known only at run time.</summary>
    public virtual long? KeptPerRow(long? outFeatures) => 0;

    /// <summary>What the template prints.</summary>
    public abstract object View(EmittedClass target);
}

/// <summary>A size of an adapter that a layer cannot have.</summary>
/// <param name="Id">The diagnostic.</param>
/// <param name="Option">The option that holds the size.</param>
/// <param name="Message">The sentence to show.</param>
/// <param name="Fixes">Values that would be right for this layer.</param>
internal sealed record SizeError(string Id, string Option, string Message, IReadOnlyList<long> Fixes);
