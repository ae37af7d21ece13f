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

    public override IEnumerable<ArgumentError> OptionErrors() => Wrong(AdapterOptions.LowRankFaults(
        Options.Init,
        Has("Iterations"),
        Options.Iterations,
        Options.LearningRateRatio,
        Options.Alpha?.Number));

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
