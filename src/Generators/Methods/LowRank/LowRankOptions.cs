using Marrow.Generators.Sizes;

namespace Marrow.Generators.Methods.LowRank;

/// <summary>The options that [Lora] and [Dora] share.</summary>
/// <param name="Rank">Rank of the update.</param>
/// <param name="Alpha">Numerator of the scale; null: the rank.</param>
/// <param name="RankStabilized">Whether the scale divides by the root of the rank.</param>
/// <param name="Init">Where A and B start.</param>
/// <param name="Iterations">Power iterations of PiSSA's randomized SVD; 0: the exact one.</param>
/// <param name="LearningRateRatio">Learning rate of B as a multiple of A's.</param>
/// <param name="Dropout">Dropout on the adapter's input.</param>
internal sealed record LowRankOptions(
    SizeExpression Rank,
    SizeExpression? Alpha,
    bool RankStabilized,
    LoraInit Init,
    int Iterations,
    double LearningRateRatio,
    double Dropout)
{
    public static LowRankOptions Read(OptionReader options) => new(
        options.Size("Rank", unset: 8),
        options.Size("Alpha"),
        options.Flag("RankStabilized"),
        options.Member<LoraInit>("Init"),
        options.Integer("Iterations"),
        options.Number("LearningRateRatio", unset: 1),
        options.Number("Dropout"));

    /// <summary>The same options with their expressions evaluated.</summary>
    public LowRankOptions Evaluate(Func<SizeExpression, SizeExpression> evaluate) =>
        this with { Rank = evaluate(Rank), Alpha = Alpha is null ? null : evaluate(Alpha) };
}
