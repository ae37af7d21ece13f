using static TorchSharp.torch;

namespace Marrow.Quantization;

/// <summary>Steps start as zeros, which training cannot reach, and get their values from the first batch.</summary>
internal static class ScaleInitialization
{
    /// <summary>Fills steps that are all still zero, in place, so that optimizers and checkpoints keep them.</summary>
    public static void Apply(Tensor step, Func<Tensor> initial)
    {
        using var noGrad = no_grad();
        using var any = step.count_nonzero();
        if (any.item<long>() == 0)
        {
            using var value = initial();
            step.copy_(value.view(step.shape));
        }
    }
}
