using System.Collections;
using Marrow.Layers;
using static TorchSharp.torch;

namespace Marrow;

/// <summary>The copies of a block: modules named 0, 1, … in order.</summary>
/// <typeparam name="T">The module.</typeparam>
public sealed class ModuleList<T> : nn.Module, IReadOnlyList<T>
    where T : nn.Module
{
    private readonly T[] items;

    internal ModuleList(string name, IReadOnlyList<T> items)
        : base(name)
    {
        this.items = [.. items];
        for (var i = 0; i < this.items.Length; i++)
        {
            register_module($"{i}", this.items[i]);
        }
    }

    /// <inheritdoc/>
    public int Count => items.Length;

    /// <inheritdoc/>
    public T this[int index] => items[index];

    /// <inheritdoc/>
    public IEnumerator<T> GetEnumerator() => ((IEnumerable<T>)items).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <inheritdoc/>
    protected override void RegisterComponents()
    {
        // Registered by the constructor.
    }

    /// <inheritdoc/>
    protected override void _toEpilog(ScalarType? dtype, Device? device, bool non_blocking) =>
        ComponentMoves.MoveChildren(this, dtype, device);
}
