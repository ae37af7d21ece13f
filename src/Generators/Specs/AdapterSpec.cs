using Marrow.Generators.Equatable;

namespace Marrow.Generators.Specs;

/// <summary>An adapter annotation.</summary>
/// <param name="Attribute">The attribute's name without suffix.</param>
/// <param name="Dropout">Dropout on the adapter's input.</param>
/// <param name="Targets">Patterns over layer names, or null.</param>
/// <param name="Given">Names of the options that were written out.</param>
internal abstract record AdapterSpec(string Attribute, double Dropout, string? Targets, EquatableArray<string> Given)
    : AnnotationSpec(Attribute, Targets, Given)
{
    /// <summary>The same adapter with its integer options evaluated.</summary>
    public abstract AdapterSpec Evaluate(Func<SizeExpression, SizeExpression> evaluate);
}

internal sealed record BoneSpec(
    string Form,
    SizeExpression BlockSize,
    SizeExpression MiniRank,
    double Dropout,
    string? Targets,
    EquatableArray<string> Given) : AdapterSpec("Bone", Dropout, Targets, Given)
{
    public bool IsBlockAffine => Form is "Row" or "Column";

    public override IEnumerable<(string, SizeExpression)> Sizes => [("BlockSize", BlockSize), ("MiniRank", MiniRank)];

    public override AdapterSpec Evaluate(Func<SizeExpression, SizeExpression> evaluate) =>
        this with { BlockSize = evaluate(BlockSize), MiniRank = evaluate(MiniRank) };
}

/// <summary>LoRA, or DoRA, which is LoRA with a trained length for each row.</summary>
internal sealed record LoraSpec(
    string Attribute,
    SizeExpression Rank,
    SizeExpression? Alpha,
    bool RankStabilized,
    string Init,
    int Iterations,
    double LearningRateRatio,
    double Dropout,
    string? Targets,
    EquatableArray<string> Given) : AdapterSpec(Attribute, Dropout, Targets, Given)
{
    public bool IsDora => Attribute == "Dora";

    public override IEnumerable<(string, SizeExpression)> Sizes =>
        Alpha is null ? [("Rank", Rank)] : [("Rank", Rank), ("Alpha", Alpha)];

    public override AdapterSpec Evaluate(Func<SizeExpression, SizeExpression> evaluate) =>
        this with { Rank = evaluate(Rank), Alpha = Alpha is null ? null : evaluate(Alpha) };
}
