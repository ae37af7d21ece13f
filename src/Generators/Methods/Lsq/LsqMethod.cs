using Marrow.Generators.Declarations;
using Marrow.Generators.Sizes;
using Marrow.Shared;

namespace Marrow.Generators.Methods.Lsq;

/// <summary>Learned step size quantization (arXiv 1902.08153), with one step for each output feature.</summary>
internal sealed class LsqMethod : WeightMethod
{
    public static readonly LsqMethod Instance = new();

    public override WeightQuantizer Kind => WeightQuantizer.Lsq;

    public override string Words => "LSQ";

    public override string ClassName => "Lsq";

    public override bool LearnsSteps => true;

    public override string? BitsError(long bits) => QuantizerBits.Weights(bits, isLsq: true);

    public override long LargestLevel(int bits) => 1L << (bits - 1);

    public override IReadOnlyList<string> Formula(SizeExpression bits)
    {
        var (low, high) = bits.Integer switch
        {
            1 => ("−1", "1"),
            > 1 and <= 8 and var number => ($"−{1 << (int)(number - 1)}", $"{(1 << (int)(number - 1)) - 1}"),
            _ => ("low", "high"),
        };
        return [$"Ŵ = ws p,    p = round(clip(W / ws, {low}, {high})),    a step ws for each row"];
    }

    public override IReadOnlyList<string> Plain(SizeExpression bits, string bitsCode) =>
    [
        "var ws = Lsq.LearnedStep(WeightStep, WeightRange.High * InFeatures).unsqueeze(1); // [out, 1]",
        bits.Integer switch
        {
            1 => "return (w / ws).sign().detach() * ws;",
            null => "return StraightThrough.Level(w / ws, WeightRange) * ws;",
            _ => "return StraightThrough.Round((w / ws).clamp(WeightRange.Low, WeightRange.High)) * ws;",
        },
    ];

    public override string Codes(string weight, string bits) => $"Lsq.Codes({weight}, WeightStep, WeightRange)";
}
