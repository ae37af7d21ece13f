using Marrow.Generators.Declarations;

namespace Marrow.Generators.Methods.Attention;

/// <summary>
/// Attention with quantized queries, keys, values and attention weights, each for itself. Queries, keys and attention
/// weights have a step for each position, values one for each channel, and all but the attention weights a shift before
/// and after.
/// </summary>
internal sealed class PlainAttention : AttentionMethod
{
    public static readonly PlainAttention Instance = new();

    public override string? Attribute => null;

    public override string Words => "queries, keys, values and attention weights quantized";

    public override string LayerType => "QuantizedAttention";

    public override long? StepCount(AttentionSpec attention) =>
        checked((3 * attention.Positions?.Integer) + (7 * attention.Dim.Integer));
}
