using Marrow.Generators.Equatable;

namespace Marrow.Generators.Specs;

/// <summary>One model class as it is declared; holds no symbol, so equal declarations give equal specs.</summary>
/// <param name="Key">Metadata name with namespace, the identity of the class.</param>
/// <param name="Name">Simple name.</param>
/// <param name="Namespace">Namespace, or empty.</param>
/// <param name="Containers">Declarations of the containing types, outermost first: <c>partial class Outer</c>.</param>
/// <param name="IsLocal">Whether the class belongs to the assembly being compiled.</param>
/// <param name="IsSealed">Whether the class is sealed.</param>
/// <param name="IsModel">Whether it carries [Model] or derives from a model.</param>
/// <param name="Fault">What makes the class no possible model (MRW001), or null.</param>
/// <param name="BaseKey">Key of the model it derives from, or null for an architecture.</param>
/// <param name="BaseArguments">For a variant: one expression per parameter of the base's constructor.</param>
/// <param name="Parameters">Parameters of the constructor.</param>
/// <param name="Forward">The class's own [Forward] method, or null.</param>
/// <param name="Layers">The layers that the class itself declares, in order.</param>
/// <param name="Adapters">Adapters on the class.</param>
/// <param name="Quantizer">The quantizer on the class, or null.</param>
/// <param name="IsQkr">Whether the class carries [Qkr].</param>
/// <param name="Recomputes">Whether the class carries [Recompute].</param>
internal sealed record ClassSpec(
    string Key,
    string Name,
    string Namespace,
    EquatableArray<string> Containers,
    bool IsLocal,
    bool IsSealed,
    bool IsModel,
    string? Fault,
    string? BaseKey,
    EquatableArray<SizeExpression> BaseArguments,
    EquatableArray<ParameterSpec> Parameters,
    ForwardSpec Forward,
    EquatableArray<LayerSpec> Layers,
    EquatableArray<AdapterSpec> Adapters,
    QuantizeSpec? Quantizer,
    bool IsQkr,
    bool Recomputes)
{
    /// <summary>Adapters and quantizer.</summary>
    public IEnumerable<AnnotationSpec> Annotations =>
        Quantizer is null ? Adapters : Adapters.Append<AnnotationSpec>(Quantizer);
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
/// <param name="Inputs">Its parameters.</param>
/// <param name="Result">Its result type as C# text.</param>
/// <param name="Fault">Why it cannot be the forward method (MRW007), or null.</param>
internal sealed record ForwardSpec(string? Method, EquatableArray<ParameterSpec> Inputs, string Result, string? Fault)
{
    public static readonly ForwardSpec None = new(null, default, "", null);
}

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

    /// <summary>The class and its bases, the class first. Ends at a repeated class, which broken code can have.</summary>
    public IEnumerable<ClassSpec> Lineage(ClassSpec type)
    {
        var seen = new HashSet<string>();
        for (var current = type; current is not null && seen.Add(current.Key); current = Find(current.BaseKey))
        {
            yield return current;
        }
    }
}
