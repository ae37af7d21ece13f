using Marrow.Generators.Declarations;
using Microsoft.CodeAnalysis;

namespace Marrow.Generators.Methods;

/// <summary>A method that adapts layers, by an attribute of its own.</summary>
internal abstract class AdapterMethod
{
    /// <summary>The attribute's name without suffix; it lies in the namespace Marrow.</summary>
    public abstract string Attribute { get; }

    /// <summary>Whether it adapts linear layers alone, and no convolutions and embeddings.</summary>
    public virtual bool IsOnlyLinear => true;

    /// <summary>Reads the attribute.</summary>
    /// <param name="options">Its options.</param>
    /// <param name="carrier">The class or property that carries it.</param>
    public abstract AdapterSpec Read(OptionReader options, ISymbol carrier);
}
