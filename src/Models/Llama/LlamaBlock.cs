using static TorchSharp.torch;

namespace Marrow.Models;

/// <summary>
/// A block of <see cref="Llama"/>: attention, then the MLP, each on the normalized stream and added to it.
/// </summary>
/// <param name="hidden">Width of the residual stream.</param>
/// <param name="intermediate">Width inside the MLP.</param>
/// <param name="heads">Query heads.</param>
/// <param name="keyValueHeads">Key and value heads.</param>
/// <param name="normEps">Added to the mean square in the norms.</param>
[Model]
public partial class LlamaBlock(int hidden, int intermediate, int heads, int keyValueHeads, double normEps)
{
    /// <summary>The norm before attention.</summary>
    [RmsNorm(nameof(hidden), Eps = nameof(normEps))]
    public partial RmsNorm InputLayernorm { get; }

    /// <summary>
    /// Attention: causal, without window, biases and dropout. What replaces it is given all of these.
    /// </summary>
    [Block(nameof(hidden), nameof(heads), nameof(keyValueHeads), true, 0, false, false, 0.0)]
    public partial SelfAttention SelfAttn { get; }

    /// <summary>The norm before the MLP.</summary>
    [RmsNorm(nameof(hidden), Eps = nameof(normEps))]
    public partial RmsNorm PostAttentionLayernorm { get; }

    /// <summary>The MLP.</summary>
    [Block(nameof(hidden), nameof(intermediate))]
    public partial LlamaMlp Mlp { get; }

    /// <summary>x [batch, tokens, hidden] and the rotary table [2, tokens, head] to the next stream.</summary>
    [Forward]
    private Tensor Network(Tensor x, Tensor rotary)
    {
        x = x + SelfAttn.call(InputLayernorm.call(x), rotary);
        return x + Mlp.call(PostAttentionLayernorm.call(x));
    }
}
