using Marrow.Generators.Declarations;
using Marrow.Generators.Diagnostics;
using Marrow.Generators.Sizes;
using Marrow.Shared;

namespace Marrow.Generators.Methods.LowRank;

/// <summary>An adapter that adds s B A to the weight, with A [rank, in] and B [out, rank].</summary>
internal abstract record LowRankSpec(
    AnnotationHeader Header, LowRankOptions Options, SizeExpression? Dropout) : AdapterSpec(Header, Dropout)
{
    private protected abstract string Method { get; }

    public override string Words =>
        $"{Method}, rank {Options.Rank}{(Options.RankStabilized ? ", rank-stabilized" : "")}" + Options.Init switch
        {
            LoraInit.Pissa => ", PiSSA",
            LoraInit.Olora => ", OLoRA",
            LoraInit.LoraGa => ", LoRA-GA",
            _ => "",
        };

    public override string ClassName =>
        $"{(Options.Init == LoraInit.Kaiming ? "" : Options.Init)}{Attribute}{Options.Rank.Integer}";

    public override string SizeOption => "Rank";

    private protected override IEnumerable<Argument> OwnArguments =>
    [
        new("Rank", Options.Rank, ValueKind.Integer, Id: DiagnosticIds.Rank),
        .. Options.Alpha is null
            ? (Argument[])[]
            : [new("Alpha", Options.Alpha, ValueKind.Number, Id: DiagnosticIds.UnknownOption)],
    ];

    private protected override AdapterSpec EvaluateOwn(Func<SizeExpression, SizeExpression> evaluate) =>
        this with { Options = Options.Evaluate(evaluate) };

    public override IEnumerable<ArgumentError> OptionErrors()
    {
        if (Options.Init != LoraInit.Pissa && Has("Iterations"))
        {
            yield return Wrong("Iterations", $"Init {Options.Init} has no Iterations; only Pissa has");
        }

        if (Options.Iterations < 0)
        {
            yield return Wrong("Iterations", $"Iterations {Options.Iterations} is negative");
        }

        if (!(Options.LearningRateRatio > 0) || double.IsInfinity(Options.LearningRateRatio))
        {
            yield return Wrong(
                "LearningRateRatio",
                FormattableString.Invariant($"LearningRateRatio {Options.LearningRateRatio} is not positive"));
        }

        if (Options.Alpha?.Number <= 0)
        {
            yield return Wrong("Alpha", $"Alpha {Options.Alpha} is not positive");
        }

        static ArgumentError Wrong(string option, string message) => new(option, message, DiagnosticIds.UnknownOption);
    }

    public override SizeError? SizeErrorOn(string layer, long inFeatures, long outFeatures) =>
        Options.Rank.Integer is { } rank
        && AdapterSizes.RankFits(
            layer, Attribute, rank, inFeatures, outFeatures, Options.Init == LoraInit.LoraGa) is { } error
            ? new(DiagnosticIds.Rank, "Rank", error, [])
            : null;

    public override long? ParameterCount(long? inFeatures, long? outFeatures) =>
        checked(Options.Rank.Integer * (inFeatures + outFeatures));

    public override long? KeptPerRow(long? outFeatures) => Options.Rank.Integer;
}
