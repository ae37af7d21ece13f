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

    /// <summary>The arguments of the constructor of the method's settings, as C#.</summary>
    /// <param name="code">A size or a number as C#, by its option and type.</param>
    public string Constructor(Func<string, SizeExpression, string, string> code)
    {
        var rank = code("Rank", Rank, "long");
        return string.Join(", ", new[]
        {
            rank,
            $"Alpha: {(Alpha is null ? rank : code("Alpha", Alpha, "double"))}",
            RankStabilized ? "RankStabilized: true" : null,
            Dropout > 0 ? $"Dropout: {LayerClassView.Real(Dropout)}" : null,
            Init != LoraInit.Kaiming ? $"Init: LoraInit.{Init}" : null,
            Iterations > 0 ? $"Iterations: {Iterations}" : null,
            LearningRateRatio != 1 ? $"LearningRateRatio: {LayerClassView.Real(LearningRateRatio)}" : null,
        }.OfType<string>());
    }

    /// <summary>The same options with their expressions evaluated.</summary>
    public LowRankOptions Evaluate(Func<SizeExpression, SizeExpression> evaluate) =>
        this with { Rank = evaluate(Rank), Alpha = Alpha is null ? null : evaluate(Alpha) };
}
