using static TorchSharp.torch;

namespace Marrow.Models;

/// <summary>RWKV's look at the previous token.</summary>
internal static class TokenShift
{
    /// <summary><c>x_{t−1} − x_t</c>.</summary>
    /// <param name="x">[batch, tokens, width].</param>
    /// <param name="previous">x before the first token, [batch, width]; zeros if null.</param>
    public static Tensor Difference(Tensor x, Tensor? previous)
    {
        var first = previous is null ? zeros_like(x.narrow(1, 0, 1)) : previous.unsqueeze(1);
        return cat([first, x.narrow(1, 0, x.shape[1] - 1)], 1) - x;
    }

    /// <summary>x of the last token, [batch, width].</summary>
    public static Tensor Last(Tensor x) => x.select(1, x.shape[1] - 1);
}
