using static TorchSharp.torch;

namespace Marrow.Quantization;

/// <summary>
/// The products W_qᵀ W_k of a QKR attention while CGA anneals them: a confident entry keeps its value bit for bit, whatever
/// its two factors do, and passes no gradient; the others follow their factors.
/// </summary>
/// <param name="held">The values at the start of the step, [heads · dim, dim].</param>
/// <param name="frozen">Which entries keep them.</param>
internal sealed class FrozenProduct(Tensor held, Tensor frozen) : IDisposable
{
    /// <summary>The values at the start of the step.</summary>
    public Tensor Held => held;

    /// <summary>The products as the forward pass sees them.</summary>
    public Tensor Hold(Tensor products) => where(frozen, held, products);

    /// <inheritdoc/>
    public void Dispose()
    {
        held.Dispose();
        frozen.Dispose();
    }
}
