using System.ComponentModel;
using static TorchSharp.torch;

namespace Marrow.CompilerServices;

/// <summary>The straight-through estimator (arXiv 1308.3432): one value forward, another's gradient backward.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static class StraightThrough
{
    /// <summary><paramref name="value"/>, with the gradient of <paramref name="source"/>.</summary>
    public static Tensor To(Tensor value, Tensor source) => source + (value - source).detach();

    /// <summary>x rounded to even, with the gradient of x.</summary>
    public static Tensor Round(Tensor x) => To(x.round(), x);

    /// <summary>
    /// The level of a ratio w / step: inside the range with the gradient of the ratio; signs have none.
    /// </summary>
    public static Tensor Level(Tensor ratio, LevelRange range) =>
        range.IsSign ? ratio.sign().detach() : Round(ratio.clamp(range.Low, range.High));
}
