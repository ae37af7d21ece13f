using Marrow.Generators.Sizes;

namespace Marrow.Generators.Methods.LowRank;

/// <summary>The options that [Lora] and [Dora] share.</summary>
/// <param name="Rank">Rank of the update.</param>
/// <param name="Alpha">Numerator of the scale; null: the rank.</param>
/// <param name="RankStabilized">Whether the scale divides by the root of the rank.</param>
/// <param name="Init">Where A and B start.</param>
/// <param name="Iterations">Power iterations of PiSSA's randomized SVD; 0: the exact one.</param>
/// <param name="LearningRateRatio">Learning rate of B as a multiple of A's.</param>
internal sealed record LowRankOptions(
    SizeExpression Rank,
    SizeExpression? Alpha,
    bool RankStabilized,
    LoraInit Init,
    int Iterations,
    double LearningRateRatio)
{
    public static LowRankOptions Read(OptionReader options) => new(
        options.Size("Rank", unset: 8),
        options.Size("Alpha"),
        options.Flag("RankStabilized"),
        options.Member<LoraInit>("Init"),
        options.Integer("Iterations"),
        options.Number("LearningRateRatio", unset: 1));

    /// <summary>The arguments of the constructor of the method's settings, as C#.</summary>
    /// <param name="code">A size or a number as C#, by its option and type.</param>
    /// <param name="dropout">The dropout, or null.</param>
    public string Constructor(Func<string, SizeExpression, string, string> code, SizeExpression? dropout)
    {
        var rank = code("Rank", Rank, "long");
        return string.Join(", ", new[]
        {
            rank,
            $"Alpha: {(Alpha is null ? rank : code("Alpha", Alpha, "double"))}",
            RankStabilized ? "RankStabilized: true" : null,
            dropout is null ? null : $"Dropout: {code("Dropout", dropout, "double")}",
            Init != LoraInit.Kaiming ? $"Init: LoraInit.{Init}" : null,
            Iterations > 0 ? $"Iterations: {Iterations}" : null,
            LearningRateRatio != 1 ? $"LearningRateRatio: {LayerClassView.Real(LearningRateRatio)}" : null,
        }.OfType<string>());
    }

    /// <summary>The same options with their expressions evaluated.</summary>
    public LowRankOptions Evaluate(Func<SizeExpression, SizeExpression> evaluate) =>
        this with { Rank = evaluate(Rank), Alpha = Alpha is null ? null : evaluate(Alpha) };
}
