using System.ComponentModel;
using static TorchSharp.torch;

namespace Marrow.CompilerServices;

/// <summary>What a layer's forward hands to its backward.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed class Saved
{
    private readonly IReadOnlyList<Tensor?> kept;

    internal Saved(bool needsInput)
        : this(needsInput, new List<Tensor?>())
    {
    }

    internal Saved(bool needsInput, IReadOnlyList<Tensor?> kept) => (NeedsInput, this.kept) = (needsInput, kept);

    /// <summary>Whether the gradient of the input is wanted; if not, its GEMM is saved.</summary>
    public bool NeedsInput { get; }

    /// <summary>How many tensors were kept.</summary>
    public int Count => kept.Count;

    /// <summary>The tensor kept at this position.</summary>
    public Tensor this[int index] =>
        kept[index] ?? throw new InvalidOperationException($"Null was kept as number {index}.");

    /// <summary>The tensor kept at this position, or null where null was kept.</summary>
    public Tensor? Optional(int index) => kept[index];

    internal IReadOnlyList<Tensor?> Kept => kept;

    /// <summary>In a forward: keeps tensors, or null in their place, until the backward has run.</summary>
    public void Keep(params ReadOnlySpan<Tensor?> tensors) => ((List<Tensor?>)kept).AddRange(tensors);
}
