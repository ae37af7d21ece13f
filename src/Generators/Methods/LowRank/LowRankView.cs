using Marrow.Generators.Declarations;

namespace Marrow.Generators.Methods.LowRank;

/// <summary>What the templates of low-rank adapters print.</summary>
internal abstract class LowRankView(EmittedClass target, LowRankSpec adapter) : AdaptedLayerView(target, adapter)
{
    private readonly LowRankOptions options = adapter.Options;

    public string Rank => Code("Rank", options.Rank);

    public string RankWord => options.Rank.Integer is null ? "r" : options.Rank.ToString();

    /// <summary>s = Alpha / Rank, or over the root of the rank.</summary>
    public string ScaleWord => options.RankStabilized ? "Alpha / sqrt(Rank)" : "Alpha / Rank";

    /// <summary>s as a constant; null if it is known only at run time.</summary>
    public string? Scale => (options.Rank.Integer, options.Alpha) switch
    {
        ( > 0 and var rank, null) => Real(options.RankStabilized ? Math.Sqrt(rank) : 1),
        ( > 0 and var rank, { Number: { } alpha }) => Real(alpha / (options.RankStabilized ? Math.Sqrt(rank) : rank)),
        (_, null) when !options.RankStabilized => "1.0",
        _ => null,
    };

    /// <summary>Whether s is 1, so that no code multiplies by it.</summary>
    public bool IsUnscaled => Scale == "1.0";

    /// <summary>"s " where there is one.</summary>
    public string S => IsUnscaled ? "" : "s ";

    /// <summary>The multiplication by s, in place.</summary>
    public string TimesScale => IsUnscaled ? "" : ".mul_(Scale)";

    /// <summary>"Scale * " where there is one.</summary>
    public string Factor => IsUnscaled ? "" : "Scale * ";

    /// <summary>s B A as a term of code.</summary>
    public string Update => IsUnscaled ? "B.mm(A)" : "(Scale * B.mm(A))";

    /// <summary>The input of A, as comments name it.</summary>
    public string InputWord => HasDropout ? "D x" : "x";

    /// <summary>The input of B, as comments name it.</summary>
    public string DownWord => $"{S}{InputWord} Aᵀ";

    /// <summary>The same with its shape.</summary>
    public string Down => $"{DownWord} [n, {RankWord}]";

    /// <summary>What the start does to W, as a line of the summary; null if nothing.</summary>
    public string? Start => options.Init switch
    {
        LoraInit.Pissa => $"{S}B A starts as the best approximation of W of this rank (PiSSA); W holds the rest.",
        LoraInit.Olora => "B and A start as the leading columns and rows of W = Q R (OLoRA); W holds the rest.",
        LoraInit.LoraGa => "A and B start along the gradient of the loss (LoRA-GA); W holds the rest.",
        _ => null,
    };

    /// <summary>The arguments of the settings that both adapters have.</summary>
    private protected string SettingsArguments => options.Constructor(
        (option, value, _) => Code(option, value), HasDropout ? adapter.Dropout : null);
}
