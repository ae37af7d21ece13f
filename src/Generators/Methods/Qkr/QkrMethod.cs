using Marrow.Generators.Declarations;

namespace Marrow.Generators.Methods.Qkr;

/// <summary>
/// Query-key reparameterization (arXiv 2302.02210): the product W_qᵀ W_k of each head is quantized as one. The input
/// and, for each head, that product take the place of queries and keys.
/// </summary>
internal sealed class QkrMethod : AttentionMethod
{
    public static readonly QkrMethod Instance = new();

    public override string Attribute => "Qkr";

    public override string Words => "queries and keys as one quantized product of their weights";

    public override string LayerType => "QkrAttention";

    public override bool NeedsNoActivations => true;

    public override bool ReplacesQkv => true;

    public override bool HasBfloat16Backward => true;

    /// <summary>Three weights, and a bias for the values alone.</summary>
    public override (
        string Shape, long? Parameters, string Quantizer) Qkv(QuantizeSpec quantizer, AttentionSpec attention)
    {
        var (dim, hasBias) = (attention.Dim.Integer, attention.QkvBias.Value is true);
        return (
            $"3 × ({attention.Dim} → {attention.Dim}){(hasBias ? ", bias on v" : "")}",
            checked((3 * dim * dim) + (hasBias ? dim : 0)),
            quantizer.Words + ", QKR");
    }

    public override long? StepCount(AttentionSpec attention)
    {
        var (dim, heads, positions) = (attention.Dim.Integer, attention.Heads.Integer, attention.Positions?.Integer);
        return checked(((2 + heads) * positions) + ((5 + (2 * heads)) * dim));
    }
}
