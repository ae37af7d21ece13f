using static TorchSharp.torch;

namespace Marrow.Quantization;

/// <summary>
/// Steps start as zeros, which training cannot reach, and each gets its value from the first batch in which what it
/// quantizes is not all zero.
/// </summary>
internal static class ScaleInitialization
{
    /// <summary>Fills steps that are still zero, in place, so that optimizers and checkpoints keep them.</summary>
    /// <returns>Whether none is zero any more.</returns>
    public static bool Apply(Tensor step, Func<Tensor> initial)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        if (IsComplete())
        {
            return true;
        }

        step.copy_(where(step == 0, initial().view(step.shape), step));
        return IsComplete();

        bool IsComplete() => step.count_nonzero().item<long>() == step.numel();
    }
}
