using Marrow.Generators.Declarations;
using Marrow.Generators.Sizes;

namespace Marrow.Generators.Resolution;

/// <summary>Numbers of steps and shifts that quantizers learn; null where a size is known only at run time.</summary>
internal static class QuantizerCount
{
    /// <summary>Of a linear layer or a convolution; an adapter under a quantizer learns instead of them.</summary>
    /// <exception cref="OverflowException">There are more than a 64-bit integer holds.</exception>
    public static long? Of(QuantizeSpec quantizer, LayerSpec layer) => layer switch
    {
        LinearSpec linear => checked((quantizer.Weights.LearnsSteps ? linear.Out.Integer : 0)
            + OfActivations(quantizer, Whole(linear.Tokens, 1) + (2 * linear.In.Integer))),
        Conv2dSpec conv => checked(conv.Out.Integer
            + OfActivations(quantizer, conv.In.Integer + (2 * Whole(conv.Tokens, 0)))),
        _ => 0,
    };

    /// <summary>Of attention itself.</summary>
    /// <exception cref="OverflowException">There are more than a 64-bit integer holds.</exception>
    public static long? Of(QuantizeSpec quantizer, AttentionSpec attention) =>
        OfActivations(quantizer, quantizer.Attention.StepCount(attention));

    private static long? OfActivations(QuantizeSpec quantizer, long? count) =>
        quantizer.Activations.Integer is null ? null : quantizer.HasActivations ? count : 0;

    private static long? Whole(SizeExpression? size, long otherwise) => size is null ? otherwise : size.Integer;
}
