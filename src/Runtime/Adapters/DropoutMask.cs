using System.ComponentModel;
using static TorchSharp.torch;

namespace Marrow.CompilerServices;

/// <summary>Dropout with the mask at hand, one byte an entry, so that a backward can use the same one.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static class DropoutMask
{
    /// <summary>True where an entry is kept; null if all are.</summary>
    /// <param name="like">A tensor of the wanted shape and device.</param>
    /// <param name="probability">Probability to drop an entry.</param>
    public static Tensor? Draw(Tensor like, double probability) => probability == 0
        ? null
        : empty(like.shape, dtype: ScalarType.Bool, device: like.device).bernoulli_(1 - probability);

    /// <summary>Zeroes what is dropped and scales the rest by 1 / (1 − p), so that the expectation stays.</summary>
    /// <param name="x">Any tensor of the mask's shape.</param>
    /// <param name="mask">The mask; null outside training, where x stays as it is.</param>
    /// <param name="probability">Probability it was drawn with.</param>
    public static Tensor Apply(Tensor x, Tensor? mask, double probability) =>
        mask is null ? x.alias() : (x * mask).mul_(1 / (1 - probability));
}
