using System.ComponentModel;
using static TorchSharp.torch;

namespace Marrow.CompilerServices;

/// <summary>What an embedding is to be.</summary>
/// <param name="Name">Name from the model's root.</param>
/// <param name="Count">Number of ids.</param>
/// <param name="Dim">Length of a vector.</param>
/// <param name="PaddingIndex">The id whose vector is not trained, or null.</param>
/// <param name="Dtype">Type of the table.</param>
/// <param name="Device">Device of the table.</param>
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed record EmbeddingSite(
    string Name, long Count, long Dim, long? PaddingIndex, ScalarType Dtype, Device Device)
{
    /// <summary>What the table starts with; null: normal values of deviation 1.</summary>
    public Initialization? Init { get; init; }
}
