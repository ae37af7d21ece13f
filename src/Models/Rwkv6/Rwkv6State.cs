using static TorchSharp.torch;

namespace Marrow.Models;

/// <summary>What one block keeps of the past.</summary>
/// <param name="Wkv">The heads' states, [batch, heads, key, value].</param>
/// <param name="AttentionShift">The last input of attention, [batch, width].</param>
/// <param name="FeedForwardShift">The last input of the feed-forward network, [batch, width].</param>
public sealed record Rwkv6LayerState(Tensor Wkv, Tensor AttentionShift, Tensor FeedForwardShift)
{
    internal IEnumerable<Tensor> Tensors => [Wkv, AttentionShift, FeedForwardShift];

    internal Rwkv6LayerState Select(Func<Tensor, Tensor> make) =>
        new(make(Wkv), make(AttentionShift), make(FeedForwardShift));
}

/// <summary>
/// All that an RWKV keeps of the past: its size does not grow with the tokens. Training on chunks hands it on, with
/// <see cref="Detach"/> where gradients shall end.
/// </summary>
/// <param name="Layers">One for each block.</param>
public sealed record Rwkv6State(IReadOnlyList<Rwkv6LayerState> Layers) : IDisposable
{
    /// <summary>The same values without their history.</summary>
    public Rwkv6State Detach() => Select(tensor => tensor.detach());

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in Layers.SelectMany(layer => layer.Tensors))
        {
            tensor.Dispose();
        }
    }

    internal Rwkv6State Select(Func<Tensor, Tensor> make) => new([.. Layers.Select(layer => layer.Select(make))]);
}
