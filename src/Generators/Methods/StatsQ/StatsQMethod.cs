using Marrow.Generators.Declarations;
using Marrow.Generators.Sizes;
using Marrow.Shared;

namespace Marrow.Generators.Methods.StatsQ;

/// <summary>Statistical weight quantization (arXiv 2302.02210): the scale of a row follows from its weights.</summary>
internal sealed class StatsQMethod : WeightMethod
{
    public static readonly StatsQMethod Instance = new();

    public override WeightQuantizer Kind => WeightQuantizer.StatsQ;

    public override string Words => "StatsQ";

    public override string ClassName => "";

    public override bool CanAnneal => true;

    public override bool SuitsAdapters => true;

    public override string? BitsError(long bits) => QuantizerBits.Weights(bits, isLsq: false);

    /// <summary>That of p = 2u + 1, and of u with 8 bits.</summary>
    public override long LargestLevel(int bits) => bits == 8 ? 128 : (1L << bits) - 1;

    public override IReadOnlyList<string> Formula(SizeExpression bits)
    {
        var (n, twice) = bits.Integer is >= 1 and <= 8 and { } number
            ? ($"{1 << (int)(number - 1)}", $"{1 << (int)number}")
            : ("n", "2n");
        return
        [
            $"Ŵ = ws p,    ws = scale / {twice},    scale = 2 mean|W| of a row",
            $"p = 2 round(clip(W / scale, −1, 1 − 1e-6) {n} − 0.5) + 1",
        ];
    }

    public override IReadOnlyList<string> Plain(SizeExpression bits, string bitsCode)
    {
        var n = bits.Integer is >= 1 and <= 8 and { } number ? $"{1 << (int)(number - 1)}" : $"(1 << ({bitsCode} - 1))";
        return
        [
            "var scale = 2 * w.detach().abs().mean([1], keepdim: true); // [out, 1]",
            $"var u = ((w.detach() / scale).nan_to_num(0).clamp(-1, 1 - 1e-6) * {n} - 0.5).round(); // p = 2u + 1",
            $"return StraightThrough.To(scale * (u + 0.5) / {n}, w);",
        ];
    }

    public override string Codes(string weight, string bits) => $"StatsQ.Codes({weight}, {bits})";
}
