using static TorchSharp.torch;

namespace Marrow.Models;

/// <summary>
/// Attention of <see cref="Decoder"/>: causal, with grouped key and value heads (arXiv 2305.13245) and rotary
/// positions.
/// </summary>
/// <param name="sizes">The model's sizes.</param>
/// <param name="head">Components of a head.</param>
/// <param name="layer">The block's number, from 0.</param>
[Model]
public partial class DecoderAttention(DecoderSizes sizes, int head, int layer)
{
    /// <summary>Queries.</summary>
    [Linear("sizes.Hidden", "sizes.Heads * head", Bias = "sizes.QkvBias", When = "!sizes.Fused")]
    public partial Linear? QProj { get; }

    /// <summary>Keys.</summary>
    [Linear("sizes.Hidden", "sizes.KeyValueHeads * head", Bias = "sizes.QkvBias", When = "!sizes.Fused")]
    public partial Linear? KProj { get; }

    /// <summary>Values.</summary>
    [Linear("sizes.Hidden", "sizes.KeyValueHeads * head", Bias = "sizes.QkvBias", When = "!sizes.Fused")]
    public partial Linear? VProj { get; }

    /// <summary>All three, in this order.</summary>
    [Linear(
        "sizes.Hidden",
        "(sizes.Heads + 2 * sizes.KeyValueHeads) * head",
        Bias = "sizes.QkvBias",
        When = "sizes.Fused")]
    public partial Linear? QkvProj { get; }

    /// <summary>The norm of each query.</summary>
    [RmsNorm(nameof(head), Eps = "sizes.NormEps", ZeroCentered = "sizes.ZeroCenteredNorms", When = "sizes.QkNorms")]
    public partial RmsNorm? QNorm { get; }

    /// <summary>The norm of each key.</summary>
    [RmsNorm(nameof(head), Eps = "sizes.NormEps", ZeroCentered = "sizes.ZeroCenteredNorms", When = "sizes.QkNorms")]
    public partial RmsNorm? KNorm { get; }

    /// <summary>Back to the stream.</summary>
    [Linear("sizes.Heads * head", "sizes.Hidden", Bias = "sizes.OutputBias")]
    public partial Linear OProj { get; }

    /// <summary>x [batch, tokens, hidden] and the rotary table [2, tokens, width] to the shape of x.</summary>
    [Forward]
    private Tensor Network(Tensor x, Tensor rotary)
    {
        var (query, key, value) = Project(x);
        query = Rotate(QNorm?.call(query) ?? query, rotary);
        key = Rotate(KNorm?.call(key) ?? key, rotary);
        return OProj.call(sizes.Attention(layer, training).Mix(query, key, value));
    }

    /// <summary>Queries, keys and values, [batch, tokens, heads, head] each.</summary>
    private (Tensor Query, Tensor Key, Tensor Value) Project(Tensor x)
    {
        if (QkvProj is null)
        {
            return (
                Heads(QProj!.call(x), sizes.Heads),
                Heads(KProj!.call(x), sizes.KeyValueHeads),
                Heads(VProj!.call(x), sizes.KeyValueHeads));
        }

        var parts = Heads(QkvProj.call(x), sizes.Heads + (2 * sizes.KeyValueHeads))
            .split([sizes.Heads, sizes.KeyValueHeads, sizes.KeyValueHeads], 2);
        return (parts[0], parts[1], parts[2]);
    }

    private Tensor Heads(Tensor x, long count) => x.view(x.size(0), x.size(1), count, head);

    /// <summary>Rotates the first components of each head, as many as the table has.</summary>
    private static Tensor Rotate(Tensor heads, Tensor rotary)
    {
        var (rotated, rest) = (rotary.size(2), heads.size(3) - rotary.size(2));
        return rest == 0
            ? RotaryEmbedding.Rotate(heads, rotary[0], rotary[1])
            : cat(
                [
                    RotaryEmbedding.Rotate(heads.narrow(3, 0, rotated), rotary[0], rotary[1]),
                    heads.narrow(3, rotated, rest),
                ],
                3);
    }
}
