using System.Collections;
using Marrow.Layers;
using static TorchSharp.torch;

namespace Marrow;

/// <summary>The copies of a layer or block: modules named 0, 1, … in order.</summary>
/// <typeparam name="T">The module.</typeparam>
public sealed class ModuleList<T> : nn.Module, IReadOnlyList<T>
    where T : nn.Module
{
    private readonly List<T> items = [];

    internal ModuleList(string name)
        : base(name)
    {
    }

    /// <inheritdoc/>
    public int Count => items.Count;

    /// <inheritdoc/>
    public T this[int index] => items[index];

    /// <inheritdoc/>
    public IEnumerator<T> GetEnumerator() => items.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>Takes up the next copy.</summary>
    internal void Add(T item)
    {
        register_module($"{items.Count}", item);
        items.Add(item);
    }

    /// <summary>Takes up the next copy, which is registered already.</summary>
    internal void Follow(T item) => items.Add(item);

    /// <inheritdoc/>
    protected override void RegisterComponents()
    {
        // Copies are registered as they come.
    }

    /// <inheritdoc/>
    protected override void _toEpilog(ScalarType? dtype, Device? device, bool non_blocking) =>
        ComponentMoves.MoveChildren(this, dtype, device);
}
