using TorchSharp.Modules;

namespace Marrow.Layers;

/// <summary>An output head that shares an embedding's weight: <c>y = x Eᵀ</c>. It owns no parameter.</summary>
internal sealed class TiedLinear(string name, Embedding embedding) : Linear(name, embedding.Dim, embedding.Count)
{
    /// <summary>The layer that owns the weight.</summary>
    public Embedding Embedding => embedding;

    /// <inheritdoc/>
    public override Parameter Weight => embedding.Weight;

    /// <inheritdoc/>
    public override Parameter? Bias => null;
}
