using Marrow.Layers;
using static TorchSharp.torch;

namespace Marrow.Adapters;

/// <summary>Folds a layer's adapter into its weight, and takes it out again.</summary>
/// <param name="layer">The layer.</param>
internal sealed class MergedWeight(IAdaptedLayer layer) : IDisposable
{
    /// <summary>The weight that the merged one replaced, or null.</summary>
    public Tensor? Original { get; private set; }

    /// <summary>The weight to fold in.</summary>
    /// <exception cref="InvalidOperationException">It would not be finite, or the base is packed.</exception>
    public Tensor Compute()
    {
        if (layer.HasPackedBase)
        {
            throw new InvalidOperationException(
                $"Layer '{layer.LayerName}' has a packed base of a few bits, which no adapter can be folded into; "
                + "nothing was merged. Save the adapter, and merge it into the float model.");
        }

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var merged = layer.AdaptedWeight();
        return merged.isfinite().all().item<bool>()
            ? scope.Detach(merged)
            : throw new InvalidOperationException(
                $"Merging the adapter of layer '{layer.LayerName}' would write a weight that is not finite; "
                + "nothing was merged. Check the adapter for NaN and infinity.");
    }

    /// <summary>Puts a weight from <see cref="Compute"/> in place of the layer's.</summary>
    public void Commit(Tensor merged)
    {
        // The original is kept, not recomputed: only so does undoing give it back bit for bit.
        Original = layer.Weight.alias().DetachFromDisposeScope();
        Exchange(merged);
    }

    /// <summary>Puts the original weight back.</summary>
    public void Undo()
    {
        if (Original is { } weight)
        {
            Original = null;
            Exchange(weight);
        }
    }

    /// <summary>Moves along with the layer.</summary>
    public void Move(ScalarType? dtype, Device? device)
    {
        if (Original is { } weight)
        {
            Original = ComponentMoves.Copy(weight, dtype, device);
            weight.Dispose();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Original?.Dispose();

    private void Exchange(Tensor weight)
    {
        var old = layer.Weight;
        layer.Replace("weight", ComponentMoves.Owned(weight, trainable: false));
        old.Dispose();
    }
}
