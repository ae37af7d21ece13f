using Marrow.Layers;
using static TorchSharp.torch;

namespace Marrow.Models;

/// <summary>The first part of a dotted layer name: TorchSharp, like PyTorch, has no dots in module names.</summary>
internal sealed class Prefix(string name) : nn.Module(name)
{
    /// <inheritdoc/>
    protected override void RegisterComponents()
    {
        // The builder registers what the prefix holds.
    }

    /// <inheritdoc/>
    protected override void _toEpilog(ScalarType? dtype, Device? device, bool non_blocking) =>
        ComponentMoves.MoveChildren(this, dtype, device);
}
