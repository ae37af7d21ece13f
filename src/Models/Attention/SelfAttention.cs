using static TorchSharp.torch;

namespace Marrow.Models;

/// <summary>
/// Attention of a sequence to itself, <c>softmax(q kᵀ / sqrt(d)) v</c>, with separate projections: causal or not, with
/// grouped key and value heads (arXiv 2305.13245), rotary positions, a sliding window (arXiv 2004.05150), a mask. While
/// a model decodes (<see cref="CachedDecoding"/>), causal attention keeps keys and values and takes up the former ones.
/// </summary>
/// <param name="width">Width of the input and output.</param>
/// <param name="heads">Query heads; divides <paramref name="width"/>.</param>
/// <param name="keyValueHeads">
/// Key and value heads; each serves heads / keyValueHeads query heads in a row.
/// </param>
/// <param name="causal">Whether a token sees itself and those before it, or those after it too.</param>
/// <param name="window">
/// A token sees those that are nearer than this: itself and window − 1 before it, and as many after it if not causal.
/// 0: all.
/// </param>
/// <param name="bias">Whether queries, keys and values have a bias.</param>
/// <param name="outputBias">Whether the output has one.</param>
/// <param name="dropout">Dropout on the weights of attention, in training.</param>
[Model]
public partial class SelfAttention(
    int width,
    int heads,
    int keyValueHeads,
    bool causal = true,
    int window = 0,
    bool bias = false,
    bool outputBias = false,
    double dropout = 0)
{
    /// <summary>Queries.</summary>
    [Linear(nameof(width), nameof(width), Bias = nameof(bias))]
    public partial Linear QProj { get; }

    /// <summary>Keys.</summary>
    [Linear(nameof(width), "width / heads * keyValueHeads", Bias = nameof(bias))]
    public partial Linear KProj { get; }

    /// <summary>Values.</summary>
    [Linear(nameof(width), "width / heads * keyValueHeads", Bias = nameof(bias))]
    public partial Linear VProj { get; }

    /// <summary>Back to the input's width.</summary>
    [Linear(nameof(width), nameof(width), Bias = nameof(outputBias))]
    public partial Linear OProj { get; }

    /// <summary>
    /// Cosines and sines of rotary angles (<see cref="RotaryEmbedding"/>): position t and pair i turn by
    /// <c>t · theta^(−2i/d)</c>, for components i and i + d/2 alike.
    /// </summary>
    /// <param name="tokens">Number of positions.</param>
    /// <param name="head">Width of a head, d.</param>
    /// <param name="theta">Base of the angles.</param>
    /// <returns>[2, tokens, head], float64.</returns>
    public static Tensor RotaryTable(long tokens, long head, double theta = 10000) =>
        Models.RotaryTable.Of(tokens, RopeScaling.Unscaled(theta, (int)head));

    /// <summary>Attention among the tokens of x.</summary>
    /// <param name="x">[batch, tokens, width].</param>
    /// <param name="rotary">Cosines and sines of these tokens, [2, tokens, head]; null: no rotary positions.</param>
    /// <param name="mask">
    /// What a query may see besides what causality and window leave: bool, broadcast to [batch, heads, queries, keys];
    /// each query must see something. Null: all.
    /// </param>
    /// <returns>[batch, tokens, width].</returns>
    [Forward]
    private Tensor Network(Tensor x, Tensor? rotary = null, Tensor? mask = null)
    {
        var query = Rotate(Heads(QProj.call(x), heads), rotary);
        var key = Rotate(Heads(KProj.call(x), keyValueHeads), rotary);
        var value = Heads(VProj.call(x), keyValueHeads);
        var attention = new ScaledAttention(causal, window, Dropout: training ? dropout : 0);
        return OProj.call(attention.Mix(query, key, value, mask));
    }

    /// <summary>[batch, tokens, count · head] to [batch, tokens, count, head].</summary>
    private static Tensor Heads(Tensor x, long count) => x.view(x.size(0), x.size(1), count, -1);

    private static Tensor Rotate(Tensor heads, Tensor? rotary) =>
        rotary is null ? heads : RotaryEmbedding.Rotate(heads, rotary[0], rotary[1]);
}
