using System.ComponentModel;
using System.Globalization;
using System.Text.Json;
using Marrow.Adapters;
using Marrow.Adapters.LowRank;
using Marrow.Adapters.Peft;
using Marrow.Shared;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Marrow.CompilerServices;

/// <summary>LoRA (arXiv 2106.09685), <c>W + s B A</c>.</summary>
/// <param name="Rank">Rank of the update.</param>
/// <param name="Alpha">Numerator of the scale.</param>
/// <param name="RankStabilized">Whether the scale divides by the root of the rank.</param>
/// <param name="Dropout">Dropout on its input.</param>
/// <param name="Init">How A and B are initialized.</param>
/// <param name="Iterations">Power iterations of PiSSA's randomized SVD; 0: the exact one.</param>
/// <param name="LearningRateRatio">Learning rate of all but A as a multiple of A's (LoRA+).</param>
[EditorBrowsable(EditorBrowsableState.Never)]
public record LoraSettings(
    long Rank,
    double Alpha,
    bool RankStabilized = false,
    double Dropout = 0,
    LoraInit Init = LoraInit.Kaiming,
    int Iterations = 0,
    double LearningRateRatio = 1) : AdapterSettings
{
    internal const string A = "lora_A", B = "lora_B";

    /// <summary>s.</summary>
    public double Scale => Alpha / (RankStabilized ? Math.Sqrt(Rank) : Rank);

    /// <summary>The attribute's name, as messages use it.</summary>
    private protected virtual string Attribute => "Lora";

    /// <inheritdoc/>
    public override string ToString() =>
        $"{(this is DoraSettings ? "DoRA" : "LoRA")}, rank {Rank}{(RankStabilized ? ", rank-stabilized" : "")}"
        + Init switch
        {
            LoraInit.Pissa => ", PiSSA",
            LoraInit.Olora => ", OLoRA",
            LoraInit.LoraGa => ", LoRA-GA",
            _ => "",
        };

    /// <inheritdoc/>
    internal override void Check(LinearSite site) => site.Require(AdapterSizes.RankFits(
        site.Name, Attribute, Rank, site.InFeatures, site.OutFeatures, Init == LoraInit.LoraGa));

    /// <inheritdoc/>
    internal override IReadOnlyList<PeftField> PeftFields =>
    [
        new("peft_type", "LORA"),
        new("r", Rank) { Pattern = "rank_pattern" },
        new("lora_alpha", Alpha) { Pattern = "alpha_pattern" },
        PeftField.Flag("use_rslora", RankStabilized),
        PeftField.Unchecked("lora_dropout", Dropout),
        PeftField.Flag("use_dora", this is DoraSettings),
        this switch
        {
            { Init: LoraInit.Pissa, Iterations: > 0 } =>
                new("init_lora_weights", string.Create(CultureInfo.InvariantCulture, $"pissa_niter_{Iterations}")),
            { Init: LoraInit.Pissa } => new("init_lora_weights", "pissa"),
            { Init: LoraInit.Olora } => new("init_lora_weights", "olora"),
            _ => new("init_lora_weights", true, LeavesBase),
        },
    ];

    /// <summary>The settings that an attribute means at run time.</summary>
    /// <exception cref="ArgumentException">An option is out of its range, or does not go with another.</exception>
    internal static LoraSettings FromAttribute(LowRankAttribute attribute)
    {
        var options = new RunTimeOptions(attribute is DoraAttribute ? "Dora" : "Lora");
        var rank = options.Integer("Rank", attribute.Rank);
        var alpha = attribute.Alpha is null ? rank : options.Number("Alpha", attribute.Alpha);
        var (stabilized, dropout) = (attribute.RankStabilized, options.Dropout(attribute.Dropout));
        var (init, iterations, ratio) = (attribute.Init, attribute.Iterations, attribute.LearningRateRatio);
        options.Require(AdapterOptions.LowRankFaults(init, iterations != 0, iterations, ratio, alpha));
        return attribute is DoraAttribute
            ? new DoraSettings(rank, alpha, stabilized, dropout, init, iterations, ratio)
            : new LoraSettings(rank, alpha, stabilized, dropout, init, iterations, ratio);
    }

    /// <summary>The settings of a layer in a file of PEFT's; null if it is of another type.</summary>
    /// <exception cref="FormatException">A field is not what it should be, or what Marrow has not.</exception>
    internal static AdapterSettings? FromPeft(PeftConfiguration file, string layer)
    {
        if (file.Text("peft_type") != "LORA")
        {
            return null;
        }

        var (rank, alpha) = (file.Integer("r", "rank_pattern", layer, unset: 8),
            file.Number("lora_alpha", "alpha_pattern", layer, unset: 8));
        var (stabilized, dropout) = (file.Flag("use_rslora"), file.Dropout("lora_dropout"));
        var (init, iterations) = file.Text("init_lora_weights") switch
        {
            null or "gaussian" or "eva" or "orthogonal" => (LoraInit.Kaiming, 0),
            "pissa" => (LoraInit.Pissa, 0),
            "olora" => (LoraInit.Olora, 0),
            var name when name.StartsWith("pissa_niter_", StringComparison.Ordinal)
                && int.TryParse(name["pissa_niter_".Length..], CultureInfo.InvariantCulture, out var count) =>
                (LoraInit.Pissa, count),
            var name => throw new FormatException(
                $"init_lora_weights is '{name}', which changed the base in a way that the file does not hold; save it "
                + "with path_initial_model_for_weight_conversion"),
        };
        return file.Flag("use_dora")
            ? new DoraSettings(rank, alpha, stabilized, dropout, init, iterations)
            : new LoraSettings(rank, alpha, stabilized, dropout, init, iterations);
    }

    /// <inheritdoc/>
    internal override AdapterSettings Kind => this with { Rank = 0, Alpha = 0 };

    /// <inheritdoc/>
    internal override IReadOnlyList<string> UnsupportedPeftFields =>
    [
        "lora_bias", "use_qalora", "use_bdlora", "alora_invocation_tokens", "arrow_config", "monteclora_config",
            "velora_config", "kasa_config",
    ];

    /// <inheritdoc/>
    internal override double RateRatio(string parameter) =>
        parameter.EndsWith("_A", StringComparison.Ordinal) ? 1 : LearningRateRatio;

    /// <inheritdoc/>
    internal override IReadOnlyDictionary<string, Tensor>? InitialFactors(Tensor weight)
    {
        // A decomposition needs more than 16 bits.
        var exact = weight.element_size() == 2 ? weight.to(ScalarType.Float32) : weight;
        return Init switch
        {
            LoraInit.Pissa => Factors(LowRankInitialization.Pissa(exact, Rank, Scale, Iterations)),
            LoraInit.Olora => Factors(LowRankInitialization.Olora(exact, Rank)),
            _ => null, // LoRA-GA needs gradients, which come later.
        };
    }

    /// <inheritdoc/>
    internal override bool DependsOnBase => Init != LoraInit.Kaiming;

    /// <inheritdoc/>
    internal override string? NeededBeforeTraining => Init == LoraInit.LoraGa
        ? "call StartLoraGa, which initializes it from gradients, or load an adapter"
        : null;

    /// <inheritdoc/>
    internal override Tensor AddFactors(Tensor weight, IReadOnlyDictionary<string, Tensor> factors, double times) =>
        weight.add(factors[B].mm(factors[A]), alpha: times * Scale);

    /// <inheritdoc/>
    internal override string FactorName(string parameter) => parameter switch { A => "A", B => "B", _ => parameter };

    /// <summary>The best A and B of this rank for the sum, which has a higher one.</summary>
    internal override IReadOnlyDictionary<string, Tensor> Combine(
        IReadOnlyList<(IReadOnlyDictionary<string, Parameter> Values, double Weight)> parts)
    {
        // Of a convolution they are B and A as matrices, with the kernel among the columns.
        var (down, up) = (parts[0].Values.First(), parts[0].Values.Last());
        var (a, b) = LowRankSum.Of(
            [.. parts.Select(part => (part.Values[down.Key].flatten(1), part.Values[up.Key].flatten(1) * part.Weight))],
            Rank);
        return new Dictionary<string, Tensor>
        {
            [down.Key] = a.view(down.Value.shape),
            [up.Key] = b.view(up.Value.shape),
        };
    }

    /// <summary>
    /// The initialization of LoRA-GA cannot be computed from the base alone, so its adapters are saved as plain ones.
    /// </summary>
    internal override AdapterState Saved(AdapterState state) => Init == LoraInit.LoraGa ? AsLora(state) : state;

    /// <inheritdoc/>
    internal override (Tensor A, Tensor B)? LowRank(AdapterState state, long inFeatures, long outFeatures)
    {
        var plain = AsLora(state);
        return (plain.Values[A], plain.Values[B] * ((LoraSettings)plain.Settings).Scale);
    }

    /// <inheritdoc/>
    internal override string PeftName(string parameter) => parameter is A or B ? $"{parameter}.weight" : parameter;

    /// <inheritdoc/>
    internal override string? RwkvPeftName(string parameter) => Init == LoraInit.Kaiming ? parameter : null;

    /// <summary>A and B under their names.</summary>
    internal static IReadOnlyDictionary<string, Tensor> Factors((Tensor A, Tensor B) factors) =>
        new Dictionary<string, Tensor> { [A] = factors.A, [B] = factors.B };

    /// <summary>
    /// The same adapter on the original base, whatever it was initialized with: <c>s (B A − B₀ A₀) = s [B, −B₀] [A;
    /// A₀]</c>, of twice the rank if something was taken out.
    /// </summary>
    internal AdapterState AsLora(AdapterState state)
    {
        var plain = this with { Init = LoraInit.Kaiming, Iterations = 0 };
        if (state.Factors is not { } taken)
        {
            return state with { Settings = plain };
        }

        return new(
            plain with { Rank = 2 * Rank, Alpha = Alpha * (RankStabilized ? Math.Sqrt(2) : 2) },
            new Dictionary<string, Tensor>(state.Values)
            {
                [A] = cat([state.Values[A], taken[A]], 0),
                [B] = cat([state.Values[B], -taken[B]], 1),
            },
            Factors: null);
    }

    /// <summary>
    /// Whether a file's initialization left the base alone. All that do are one once there are values.
    /// </summary>
    private static bool LeavesBase(JsonElement? init) =>
        init is not { ValueKind: JsonValueKind.String } name || name.GetString() is "gaussian" or "eva" or "orthogonal";
}
