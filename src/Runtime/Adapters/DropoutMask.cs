using System.ComponentModel;
using Marrow.Cuda;
using static TorchSharp.torch;

namespace Marrow.CompilerServices;

/// <summary>
/// Dropout with the mask at hand, so that a backward can use the same one: one byte an entry, or on CUDA a seed that a
/// kernel makes it from.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static class DropoutMask
{
    /// <summary>A mask, true where an entry is kept, or its seed; null if all are kept.</summary>
    /// <param name="like">A tensor of the wanted shape, type and device.</param>
    /// <param name="probability">Probability to drop an entry.</param>
    public static Tensor? Draw(Tensor like, double probability) => probability == 0
        ? null
        : CudaDropout.For(like) is not null
        ? CudaDropout.Seed(like.device)
        : empty(like.shape, dtype: ScalarType.Bool, device: like.device).bernoulli_(1 - probability);

    /// <summary>Zeroes what is dropped and scales the rest by 1 / (1 − p), so that the expectation stays.</summary>
    /// <param name="x">Any tensor of the mask's shape.</param>
    /// <param name="mask">From <see cref="Draw"/>; null outside training, where x stays as it is.</param>
    /// <param name="probability">Probability it was drawn with.</param>
    public static Tensor Apply(Tensor x, Tensor? mask, double probability) => mask is null
        ? x.alias()
        : IsSeed(mask)
        ? CudaDropout.Apply(CudaDropout.For(x)!, x, mask, probability)
        : (x * mask).mul_(1 / (1 - probability));

    /// <summary>Whether a mask is its seed.</summary>
    internal static bool IsSeed(Tensor mask) => mask.dtype == ScalarType.Int64;
}
