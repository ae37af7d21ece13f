using Marrow.Generators.Specs;

namespace Marrow.Generators.Planning;

/// <summary>Numbers of steps and shifts that quantizers learn; null where a size is known only at run time.</summary>
internal static class QuantizerCount
{
    /// <summary>Of a linear layer or a convolution; an adapter under a quantizer learns instead of them.</summary>
    public static long? Of(QuantizeSpec quantizer, LayerSpec layer) => layer switch
    {
        LinearSpec linear => WeightSteps(quantizer, linear.Out) + Activations(quantizer, Whole(linear.Tokens, 1) + (2 * linear.In.Integer)),
        Conv2dSpec conv => conv.Out.Integer + Activations(quantizer, conv.In.Integer + (2 * Whole(conv.Tokens, 0))),
        _ => 0,
    };

    /// <summary>
    /// Of attention itself: queries, keys and attention weights have a step for each position, values one for each channel, and all
    /// but the attention weights a shift before and after. With QKR the input and, for each head, the product take the place of queries and keys.
    /// </summary>
    public static long? Of(QuantizeSpec quantizer, AttentionSpec attention)
    {
        var (dim, heads, positions) = (attention.Dim.Integer, attention.Heads.Integer, attention.Positions?.Integer);
        return Activations(quantizer, quantizer.IsQkr
            ? ((2 + heads) * positions) + ((5 + (2 * heads)) * dim)
            : (3 * positions) + (7 * dim));
    }

    private static long? WeightSteps(QuantizeSpec quantizer, SizeExpression rows) => quantizer.Weights == "Lsq" ? rows.Integer : 0;

    private static long? Activations(QuantizeSpec quantizer, long? count) =>
        quantizer.Activations.Integer is null ? null : quantizer.HasActivations ? count : 0;

    private static long? Whole(SizeExpression? size, long otherwise) => size is null ? otherwise : size.Integer;
}
