using Marrow.Generators.Equatable;
using Marrow.Generators.Sizes;

namespace Marrow.Generators.Declarations;

/// <summary>One model class as it is declared; holds no symbol, so equal declarations give equal specs.</summary>
/// <param name="Key">Metadata name with namespace, the identity of the class.</param>
/// <param name="Name">Simple name.</param>
/// <param name="Namespace">Namespace, or empty.</param>
/// <param name="Containers">Declarations of the containing types, outermost first: <c>partial class Outer</c>.</param>
/// <param name="FileName">Name of the emitted file without extension; no other class's in any casing.</param>
/// <param name="IsLocal">Whether the class belongs to the assembly being compiled.</param>
/// <param name="IsModel">Whether it carries [Model] or derives from a model.</param>
/// <param name="Error">What makes the class no possible model (MRW001), or null.</param>
/// <param name="BaseKey">Key of the model it derives from, or null for an architecture.</param>
/// <param name="BaseArguments">For a variant: one expression per parameter of the base's constructor.</param>
/// <param name="Parameters">Parameters of the constructor.</param>
/// <param name="Forward">The class's own [Forward] method, or null.</param>
/// <param name="Layers">The layers that the class itself declares, in order.</param>
/// <param name="Adapters">Adapters on the class.</param>
/// <param name="Quantizer">The quantizer on the class, or null.</param>
/// <param name="Marker">The attribute that asks for a method of quantized attention, without suffix, or null.</param>
/// <param name="Recomputes">Whether the class carries [Recompute].</param>
internal sealed record ClassSpec(
    string Key,
    string Name,
    string Namespace,
    EquatableArray<string> Containers,
    string FileName,
    bool IsLocal,
    bool IsModel,
    ClassError? Error,
    string? BaseKey,
    EquatableArray<SizeExpression> BaseArguments,
    EquatableArray<ParameterSpec> Parameters,
    ForwardSpec Forward,
    EquatableArray<LayerSpec> Layers,
    EquatableArray<AdapterSpec> Adapters,
    QuantizeSpec? Quantizer,
    string? Marker,
    bool Recomputes)
{
    /// <summary>What the emitted part starts with: <c>partial class Net</c>.</summary>
    public string Declaration { get; init; } = "";

    /// <summary>Whether the parameters are those of a primary constructor, which initializers can read.</summary>
    public bool HasPrimaryConstructor { get; init; } = true;

    /// <summary>How the class's checkpoint differs from the model; null if the class says nothing.</summary>
    public MappingSpec? Mapping { get; init; }

    /// <summary>Fields and plain properties that hold modules or tensors.</summary>
    public EquatableArray<UndeclaredState> Undeclared { get; init; }

    /// <summary>Names of the emitted part that the user's own declares already.</summary>
    public EquatableArray<string> OwnNames { get; init; }

    /// <summary>Whether the user's own part has a <c>forward</c> that overrides none: no model can have it.</summary>
    public bool HidesForward { get; init; }

    /// <summary>
    /// Whether the class is declared twice. The compiler says so; what Marrow could say of the two together is noise.
    /// </summary>
    public bool IsRepeated { get; init; }

    /// <summary>Blocks that are made in the place of others.</summary>
    public EquatableArray<ReplacementSpec> Replacements { get; init; }

    /// <summary>The type of a constructor parameter as C# text, or null.</summary>
    public string? TypeOf(string parameter) =>
        Parameters.FirstOrDefault(candidate => candidate.Name == parameter)?.Type;

    /// <summary>Adapters and quantizer.</summary>
    public IEnumerable<AnnotationSpec> Annotations =>
        Quantizer is null ? Adapters : Adapters.Append<AnnotationSpec>(Quantizer);
}

/// <summary>A field or a plain property that holds modules or tensors, which a model does not know.</summary>
/// <param name="Member">Its name.</param>
/// <param name="What">What it is in words: <c>field 'bn' holds a BatchNorm1d</c>.</param>
/// <param name="Advice">How to declare it.</param>
internal sealed record UndeclaredState(string Member, string What, string Advice);

/// <summary>Why a class cannot be a model.</summary>
/// <param name="Message">The end of a sentence that starts with the class.</param>
/// <param name="IsPartialMissing">Whether adding 'partial' would mend it.</param>
/// <param name="Stub">What can be emitted for the class nevertheless.</param>
/// <param name="IsIncomplete">Whether the class keeps errors of the compiler all the same.</param>
internal sealed record ClassError(
    string Message, bool IsPartialMissing = false, Stub Stub = Stub.Model, bool IsIncomplete = false)
{
    /// <summary>Whether the generator has to say it: the compiler drops what analyzers say of such a class.</summary>
    public bool IsForGenerator => IsIncomplete || Stub == Stub.None;
}

/// <summary>How much of a class that is no possible model can have throwing members.</summary>
internal enum Stub
{
    /// <summary>Nothing: the class cannot have another part.</summary>
    None,

    /// <summary>Its properties: it cannot derive from a model.</summary>
    Members,

    /// <summary>All that a model has.</summary>
    Model,
}

/// <summary>A constructor parameter.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Its type as C# text.</param>
/// <param name="Default">The value it has when not given, or null.</param>
internal sealed record ParameterSpec(string Name, string Type, SizeExpression? Default)
{
    /// <summary>Whether a whole number given for it is a floating-point value.</summary>
    public bool IsFloating => Type is "double" or "float";
}

/// <summary>The class's own [Forward] methods.</summary>
/// <param name="Method">Name of the method; null if there is none.</param>
/// <param name="Inputs">Its parameters; without one, those of the user's own <c>forward</c>.</param>
/// <param name="Result">Its result type as C# text.</param>
/// <param name="ReturnsTensor">Whether it returns one tensor.</param>
/// <param name="Error">Why it cannot be the forward method (MRW007), or null.</param>
internal sealed record ForwardSpec(
    string? Method, EquatableArray<ParameterSpec> Inputs, string Result, bool ReturnsTensor, ForwardError? Error)
{
    public static readonly ForwardSpec None = new(null, default, "", false, null);
}

/// <summary>Why a method cannot be the forward method.</summary>
/// <param name="Message">The sentence.</param>
/// <param name="Method">Which of the [Forward] methods it is about.</param>
internal sealed record ForwardError(string Message, int Method = 0);

/// <summary>A class with everything it is made of: its bases and, transitively, the models it contains.</summary>
/// <param name="Root">The class.</param>
/// <param name="Classes">All classes of the closure, the root among them, ordered by key.</param>
internal sealed record ModelClosure(ClassSpec Root, EquatableArray<ClassSpec> Classes)
{
    private Dictionary<string, ClassSpec>? byKey;

    public bool Equals(ModelClosure? other) =>
        other is not null && Root.Equals(other.Root) && Classes.Equals(other.Classes);

    public override int GetHashCode() => Root.GetHashCode();

    /// <summary>The class of this key, or null if it is no model.</summary>
    public ClassSpec? Find(string? key) => key is not null
        && (byKey ??= Classes.ToDictionary(type => type.Key)).TryGetValue(key, out var type) ? type : null;

    /// <summary>
    /// The class and its bases, the class first. Ends at a repeated class, which broken code can have.
    /// </summary>
    public IEnumerable<ClassSpec> Lineage(ClassSpec type)
    {
        var seen = new HashSet<string>();
        for (var current = type; current is not null && seen.Add(current.Key); current = Find(current.BaseKey))
        {
            yield return current;
        }
    }
}
