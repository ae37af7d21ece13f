using static TorchSharp.torch;

namespace Marrow.Models;

/// <summary>A running decoding of an RWKV: the state is all it keeps.</summary>
internal sealed class Rwkv6Decoding(Rwkv6 model, int batch) : Decoding(batch)
{
    private Rwkv6State? state;

    protected override Tensor Run(Tensor ids)
    {
        var (stream, next) = model.Run(ids, state);
        Exchange(next);
        return model.LastLogits(stream);
    }

    protected override void KeepRows(Tensor rows)
    {
        if (state is not null)
        {
            Exchange(state.Select(tensor => tensor.index_select(0, rows)));
        }
    }

    /// <inheritdoc/>
    public override void Dispose() => state?.Dispose();

    private void Exchange(Rwkv6State next)
    {
        var old = state;
        state = next.Select(tensor => tensor.clone().DetachFromDisposeScope());
        old?.Dispose();
    }
}
