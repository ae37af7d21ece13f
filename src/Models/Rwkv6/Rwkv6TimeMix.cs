using static TorchSharp.torch;

namespace Marrow.Models;

/// <summary>
/// RWKV-6's attention: every token is mixed with the one before it, by amounts that depend on the token (arXiv
/// 2404.05892, equations 7 to 9), and the heads' states carry the rest of the past (<see cref="Wkv6"/>).
/// </summary>
/// <param name="width">Width of the residual stream.</param>
/// <param name="heads">Heads; divides <paramref name="width"/>.</param>
/// <param name="mixRank">Rank of the token-dependent mixing.</param>
/// <param name="decayRank">Rank of the token-dependent decay.</param>
/// <param name="normEps">Added to the variance of a head's output.</param>
[Model]
public partial class Rwkv6TimeMix(int width, int heads, int mixRank, int decayRank, double normEps)
{
    /// <summary>Mixing of the input of the token-dependent mixing itself.</summary>
    [Parameter(1, 1, nameof(width))]
    public partial Tensor TimeMaaX { get; }

    /// <summary>Mixing for the decay.</summary>
    [Parameter(1, 1, nameof(width))]
    public partial Tensor TimeMaaW { get; }

    /// <summary>Mixing for the keys.</summary>
    [Parameter(1, 1, nameof(width))]
    public partial Tensor TimeMaaK { get; }

    /// <summary>Mixing for the values.</summary>
    [Parameter(1, 1, nameof(width))]
    public partial Tensor TimeMaaV { get; }

    /// <summary>Mixing for the receptance.</summary>
    [Parameter(1, 1, nameof(width))]
    public partial Tensor TimeMaaR { get; }

    /// <summary>Mixing for the gate.</summary>
    [Parameter(1, 1, nameof(width))]
    public partial Tensor TimeMaaG { get; }

    /// <summary>Down to the ranks of the five mixings.</summary>
    [Parameter(nameof(width), "5 * mixRank"), Name("time_maa_w1")]
    public partial Tensor MixDown { get; }

    /// <summary>Up from each of them.</summary>
    [Parameter(5, nameof(mixRank), nameof(width)), Name("time_maa_w2")]
    public partial Tensor MixUp { get; }

    /// <summary>The decay that does not depend on the token.</summary>
    [Parameter(1, 1, nameof(width))]
    public partial Tensor TimeDecay { get; }

    /// <summary>Down to the rank of the decay.</summary>
    [Parameter(nameof(width), nameof(decayRank)), Name("time_decay_w1")]
    public partial Tensor DecayDown { get; }

    /// <summary>Up from it.</summary>
    [Parameter(nameof(decayRank), nameof(width)), Name("time_decay_w2")]
    public partial Tensor DecayUp { get; }

    /// <summary>u: how much the present token counts beside the state.</summary>
    [Parameter(nameof(heads), "width / heads"), Name("time_faaaa")]
    public partial Tensor Bonus { get; }

    /// <summary>r.</summary>
    [Linear(nameof(width), nameof(width), Bias = false)]
    public partial Linear Receptance { get; }

    /// <summary>k.</summary>
    [Linear(nameof(width), nameof(width), Bias = false)]
    public partial Linear Key { get; }

    /// <summary>v.</summary>
    [Linear(nameof(width), nameof(width), Bias = false)]
    public partial Linear Value { get; }

    /// <summary>Back to the stream.</summary>
    [Linear(nameof(width), nameof(width), Bias = false)]
    public partial Linear Output { get; }

    /// <summary>g.</summary>
    [Linear(nameof(width), nameof(width), Bias = false)]
    public partial Linear Gate { get; }

    /// <summary>Norm of each head's output.</summary>
    [Block(nameof(width), nameof(heads), nameof(normEps)), Name("ln_x")]
    public partial HeadNorm LnX { get; }

    /// <summary>x [batch, tokens, width] to the same shape, from an empty past.</summary>
    [Forward]
    private Tensor Network(Tensor x) => Mix(x, null, null).Output;

    /// <summary>The same from a past.</summary>
    /// <param name="x">[batch, tokens, width].</param>
    /// <param name="previous">x of the token before, [batch, width], or null.</param>
    /// <param name="state">The heads' states, [batch, heads, size, size], or null.</param>
    /// <returns>The output, and the heads' states after the last token.</returns>
    internal (Tensor Output, Tensor State) Mix(Tensor x, Tensor? previous, Tensor? state)
    {
        var (batch, tokens) = (x.shape[0], x.shape[1]);
        var difference = TokenShift.Difference(x, previous);

        // m_c: five mixings that depend on the token, in the order w, k, v, r, g.
        var down = (x + (difference * TimeMaaX)).matmul(MixDown).tanh().view(batch * tokens, 5, -1).transpose(0, 1);
        var mixes = down.bmm(MixUp).view(5, batch, tokens, -1);
        Tensor Mixed(int c, Tensor constant) => x + (difference * (constant + mixes[c]));

        // d = exp(−exp(·)), in 32 bits at least: small decays make up the long memory.
        var slow = (TimeDecay + Mixed(0, TimeMaaW).matmul(DecayDown).tanh().matmul(DecayUp)).to(
            x.dtype == float64 ? float64 : float32);
        var decay = slow.exp().neg().exp();
        var key = Key.call(Mixed(1, TimeMaaK));
        var value = Value.call(Mixed(2, TimeMaaV));
        var receptance = Receptance.call(Mixed(3, TimeMaaR));
        var gate = Gate.call(Mixed(4, TimeMaaG));
        var (mixed, next) = Wkv6.Run(receptance, key, value, decay, Bonus, state);
        return (Output.call(GatedUnit.Silu(gate, LnX.call(mixed))), next);
    }
}
