using System.Globalization;
using Marrow.Generators.Specs;

namespace Marrow.Generators.Emission;

/// <summary>What a layer template prints: constants where they are known, names where they are not.</summary>
internal abstract class AdaptedLayerView(string name, SpecialLayer layer)
{
    public static AdaptedLayerView Of(string name, SpecialLayer layer) => layer.Adapter switch
    {
        BoneSpec bone => new BoneLayerView(name, layer, bone),
        LoraSpec lora => new LoraLayerView(name, layer, lora),
        _ => throw new InvalidOperationException($"No layer template for {layer.Adapter}."),
    };

    public string Name => name;

    /// <summary>Constructor parameters: the site, and the options known only at run time.</summary>
    public string Parameters => string.Join(", ", layer.RunTimeOptions
        .Select(option => option.Name switch { "alpha" => "double alpha", "bits" => "int bits", _ => $"long {option.Name}" })
        .Prepend("LinearSite site"));

    /// <summary>The class that the layer derives from.</summary>
    public string Base => IsMerged ? "QuantizedAdaptedLinear" : "AdaptedLinear";

    /// <summary>What the base class's constructor takes.</summary>
    public string BaseArguments => layer.Quantizer switch
    {
        null => "site",
        { IsPacked: true } quantizer => $"site, packedBits: {Option(quantizer.Bits, "bits")}",
        var quantizer => $"site, new QuantizerSettings({QuantizedLayerView.SettingsOf(quantizer, _ => null, needsActivations: false)})",
    };

    /// <summary>Whether the adapted weight is quantized.</summary>
    public bool IsMerged => layer.Quantizer is { IsPacked: false };

    /// <summary>Whether the base is packed.</summary>
    public bool IsPacked => layer.Quantizer is { IsPacked: true };

    public string BitsWord => layer.Quantizer?.Bits.ToString() ?? "";

    /// <summary>Bits as the methods read them.</summary>
    public string Bits => layer.Quantizer is { Bits.Integer: { } bits } ? Number(bits)! : "Quantizer.Bits";

    /// <summary>Whether odd levels of 8 bits are stored halved.</summary>
    public string IsHalved => layer.Quantizer is { Bits.Integer: { } bits } ? bits == 8 ? "true" : "false" : "Quantizer.Bits == 8";

    public bool Freezes => layer.Quantizer is { Oscillation: "Freeze" };

    public bool Anneals => layer.Quantizer is { Oscillation: "Cga" };

    /// <summary>The base weight as the methods read it.</summary>
    public string Weight => IsPacked ? "weight" : "Weight";

    /// <summary>The base weight where it is read once.</summary>
    public string WeightNow => IsPacked ? "Base.Dequantize()" : "Weight";

    /// <summary>x Wᵀ + b.</summary>
    public string BaseProduct => IsPacked ? "Base.Linear(x, Bias)" : "linear(x, Weight, Bias)";

    public string W => IsPacked ? "W̃" : "W";

    public bool IsConstant => layer.IsConstant;

    public string In => Number(layer.In) ?? "InFeatures";

    public string Out => Number(layer.Out) ?? "OutFeatures";

    /// <summary>The sizes as comments name them.</summary>
    public string InWord => Number(layer.In) ?? "in";

    public string OutWord => Number(layer.Out) ?? "out";

    public bool HasDropout => layer.Adapter!.Dropout > 0;

    public string Dropout => Real(layer.Adapter!.Dropout);

    /// <summary>Run-time checks of what the compiler could not check.</summary>
    public bool IsChecked => !layer.IsConstant || layer.RunTimeOptions.Any();

    private protected static string Option(SizeExpression size, string name) => Number(size.Integer) ?? (size.Value is double number ? Real(number) : name);

    private protected static string? Number(long? value) => value?.ToString(CultureInfo.InvariantCulture);

    private protected static string Real(double value)
    {
        var text = value.ToString("R", CultureInfo.InvariantCulture);
        return text.Contains('.') || text.Contains('E') ? text : text + ".0";
    }
}

/// <summary>What the Bone templates print.</summary>
internal sealed class BoneLayerView(string name, SpecialLayer layer, BoneSpec bone) : AdaptedLayerView(name, layer)
{
    private readonly long? input = layer.In;
    private readonly long? output = layer.Out;

    public string Form => bone.Form;

    /// <summary>Options that the methods read, when they are known only at run time.</summary>
    public IReadOnlyList<string> Fields => [.. new[] { BlockIsField ? "blockSize" : null, ColumnsIsField ? "miniRank" : null }.OfType<string>()];

    public bool BlockIsField => bone.BlockSize.Integer is null;

    public bool ColumnsIsField => IsMini && bone.MiniRank.Integer is null;

    /// <summary>How many shards cover the input, a short last one included.</summary>
    public string Cover => input is { } features && bone.BlockSize.Integer is > 0 and { } r
        ? Number((features + r - 1) / r)!
        : $"(InFeatures + {Block} - 1) / {Block}";

    public string Block => Option(bone.BlockSize, "blockSize");

    public string Shards => Number(Divide(input)) ?? $"InFeatures / {Block}";

    public string ShardsWord => Number(Divide(input)) ?? "in/r";

    public string Rows => Number(Divide(output)) ?? $"OutFeatures / {Block}";

    public string RowsWord => Number(Divide(output)) ?? "out/r";

    public string BlockWord => bone.BlockSize.Integer is { } r ? Number(r)! : "r";

    public bool IsMini => bone is { Form: "Mini" };

    public string Columns => IsMini ? Option(bone.MiniRank, "miniRank") : Out;

    public string ColumnsWord => IsMini ? bone.MiniRank.Integer is { } columns ? Number(columns)! : "mini" : OutWord;

    /// <summary>What is summed over shards, and the gradient that meets it, as code and comments name them.</summary>
    public string SumWord => HasDropout ? "S(D x)" : "S(x)";

    public string G => IsMini ? "g" : "dy";

    /// <summary>How often the columns of the Mini form repeat along the output.</summary>
    public string Repeats => output is { } whole && bone.MiniRank.Integer is > 0 and { } columns
        ? Number(whole / columns)!
        : $"OutFeatures / {Columns}";

    /// <summary>Whether the block size is known to divide the input, so that no padding is needed.</summary>
    public bool IsDivisible => input is { } whole && bone.BlockSize.Integer is > 0 and { } r && whole % r == 0;

    private long? Divide(long? features) =>
        features is { } size && bone.BlockSize.Integer is > 0 and { } r ? size / r : null;
}

/// <summary>What the LoRA template prints.</summary>
internal sealed class LoraLayerView(string name, SpecialLayer layer, LoraSpec lora) : AdaptedLayerView(name, layer)
{
    public string Rank => Option(lora.Rank, "rank");

    public string RankWord => lora.Rank.Integer is { } rank ? Number(rank)! : "r";

    public string Alpha => lora.Alpha is null ? Rank : Option(lora.Alpha, "alpha");

    public bool RankStabilized => lora.RankStabilized;

    /// <summary>s as a constant, or as an expression over what is known at run time.</summary>
    public string Scale => (lora.Rank.Integer, lora.Alpha) switch
    {
        ({ } rank, null) => Real(RankStabilized ? Math.Sqrt(rank) : 1),
        ({ } rank, { Value: { } alpha }) => Real(Convert.ToDouble(alpha, CultureInfo.InvariantCulture) / (RankStabilized ? Math.Sqrt(rank) : rank)),
        _ => RankStabilized ? $"{Alpha} / Math.Sqrt({Rank})" : $"(double){Alpha} / {Rank}",
    };

    /// <summary>The settings as C#.</summary>
    public string Settings => "new LoraSettings(" + string.Join(", ", new[]
    {
        Rank,
        $"Alpha: {Alpha}",
        RankStabilized ? "RankStabilized: true" : null,
        HasDropout ? $"Dropout: {Dropout}" : null,
        lora.IsDora ? "IsDora: true" : null,
        lora.Init != "Kaiming" ? $"Init: LoraInit.{lora.Init}" : null,
        lora.Iterations > 0 ? $"Iterations: {Number(lora.Iterations)}" : null,
        lora.LearningRateRatio != 1 ? $"LearningRateRatio: {Real(lora.LearningRateRatio)}" : null,
    }.OfType<string>()) + ")";

    /// <summary>What the start does to W, as a line of the summary; null if nothing.</summary>
    public string? Start => lora.Init switch
    {
        "Pissa" => "s B A starts as the best approximation of W of this rank (PiSSA); W holds the rest.",
        "Olora" => "B and A start as the leading columns and rows of W = Q R (OLoRA); W holds the rest.",
        "LoraGa" => "A and B start along the gradient of the loss (LoRA-GA); W holds the rest.",
        _ => null,
    };

    /// <summary>The input of B, as comments name it.</summary>
    public string DownWord => (IsUnscaled ? "" : "s ") + (HasDropout ? "D " : "") + "x Aᵀ";

    public bool IsScaleConstant => lora.Rank.Integer is not null && (lora.Alpha is null || lora.Alpha.Value is not null);

    /// <summary>The field that holds s.</summary>
    public string Factor => IsScaleConstant ? "Scale" : "scale";

    /// <summary>Whether s is 1, so that no code multiplies by it.</summary>
    public bool IsUnscaled => Scale == "1.0";
}
