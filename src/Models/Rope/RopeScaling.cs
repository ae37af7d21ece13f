using System.Text.Json.Nodes;

namespace Marrow.Models;

/// <summary>
/// How the angles of rotary positions are changed so that a model reads longer texts than it was first trained on:
/// rope_scaling in config.json. Position t and pair i turn by <c>t · frequency_i</c>, where an unscaled frequency is
/// <c>theta^(−2i/width)</c>.
/// </summary>
public abstract record RopeScaling
{
    private protected RopeScaling()
    {
    }

    /// <summary>What cosines and sines are multiplied by.</summary>
    internal virtual double Magnitude => 1;

    /// <summary>The length up to which frequencies are the same for all lengths; null: they always are.</summary>
    internal virtual long? FixedLength => null;

    /// <summary>The longest sequence where config.json states max_position_embeddings.</summary>
    internal virtual double Extend(int stated) => stated;

    /// <summary>The max_position_embeddings to state where the longest sequence is this long.</summary>
    internal virtual double State(int context) => context;

    /// <summary>The frequencies, one for each pair.</summary>
    /// <param name="theta">Base of the angles.</param>
    /// <param name="width">Components that turn.</param>
    /// <param name="length">Tokens of the sequence so far.</param>
    internal abstract double[] Frequencies(double theta, int width, long length);

    /// <summary>The frequencies without scaling.</summary>
    internal static double[] Unscaled(double theta, int width) =>
        [.. Enumerable.Range(0, width / 2).Select(pair => Math.Pow(theta, -2.0 * pair / width))];

    /// <summary>The fields of rope_scaling.</summary>
    internal abstract JsonObject Write();

    /// <summary>Reads rope_scaling, or the rope_parameters of newer files.</summary>
    /// <param name="rope">The object.</param>
    /// <param name="field">Its name, for messages.</param>
    /// <param name="context">max_position_embeddings, where the object does not say the original length.</param>
    /// <exception cref="ConfigurationException">The type is not known, or a number is missing.</exception>
    internal static RopeScaling? Read(ConfigurationFields rope, string field, int context)
    {
        var type = rope.Text("rope_type") ?? rope.Text("type") ?? "default";
        var original = rope.Integer("original_max_position_embeddings") ?? context;
        return type switch
        {
            "default" => null,
            "linear" => new LinearRope(Positive("factor")),
            "dynamic" => new DynamicRope(Positive("factor"), context),
            "llama3" => new Llama3Rope(
                Positive("factor"), Positive("low_freq_factor"), Positive("high_freq_factor"), original),
            "yarn" => new YarnRope(
                rope.Number("factor") is null ? (double)context / original : Positive("factor"),
                original,
                rope.Number("beta_fast") ?? 32,
                rope.Number("beta_slow") ?? 1,
                rope.Number("attention_factor"),
                rope.Number("mscale"),
                rope.Number("mscale_all_dim"),
                rope.Flag("truncate") ?? true),
            _ => throw new ConfigurationException(
                $"{field} has the type {CheckpointException.Quote(type)}", "default, linear, dynamic, llama3 and yarn"),
        };

        double Positive(string name) => rope.Number(name) is { } number && number > 0
            ? number
            : throw new ConfigurationException($"{field} has no positive {name}, which the type {type} needs");
    }
}

/// <summary>Positions divided by a factor: <c>frequency / factor</c> (arXiv 2306.15595).</summary>
/// <param name="Factor">factor.</param>
public sealed record LinearRope(double Factor) : RopeScaling
{
    internal override double Extend(int stated) => stated * Factor;

    internal override double State(int context) => context / Factor;

    internal override double[] Frequencies(double theta, int width, long length) =>
        [.. Unscaled(theta, width).Select(frequency => frequency / Factor)];

    internal override JsonObject Write() => new() { ["rope_type"] = "linear", ["factor"] = Factor };
}

/// <summary>
/// A base that grows with the sequence once it is longer than the original context c:
/// <c>theta · (factor · length / c − factor + 1)^(width / (width − 2))</c>.
/// </summary>
/// <param name="Factor">factor.</param>
/// <param name="Original">max_position_embeddings, c.</param>
public sealed record DynamicRope(double Factor, int Original) : RopeScaling
{
    internal override double Extend(int stated) => stated * Factor;

    internal override double State(int context) => Original;

    internal override long? FixedLength => Original;

    internal override double[] Frequencies(double theta, int width, long length)
    {
        var growth = (Factor * Math.Max(length, Original) / Original) - (Factor - 1);
        return Unscaled(theta * Math.Pow(growth, width / (width - 2.0)), width);
    }

    internal override JsonObject Write() => new() { ["rope_type"] = "dynamic", ["factor"] = Factor };
}

/// <summary>
/// Llama 3.1's: waves that are longer than the original context over <paramref name="Low"/> are stretched by the
/// factor, those that are shorter than it over <paramref name="High"/> stay, and those between are mixed.
/// </summary>
/// <param name="Factor">factor.</param>
/// <param name="Low">low_freq_factor.</param>
/// <param name="High">high_freq_factor.</param>
/// <param name="Original">original_max_position_embeddings.</param>
public sealed record Llama3Rope(double Factor, double Low, double High, int Original) : RopeScaling
{
    internal override double[] Frequencies(double theta, int width, long length) =>
    [
        .. Unscaled(theta, width).Select(frequency =>
        {
            var turns = Original * frequency / (2 * Math.PI); // of the whole original context
            var kept = turns < Low ? 0 : turns > High ? 1 : (turns - Low) / (High - Low);
            return ((1 - kept) * frequency / Factor) + (kept * frequency);
        }),
    ];

    internal override JsonObject Write() => new()
    {
        ["rope_type"] = "llama3",
        ["factor"] = Factor,
        ["low_freq_factor"] = Low,
        ["high_freq_factor"] = High,
        ["original_max_position_embeddings"] = Original,
    };
}

/// <summary>
/// YaRN (arXiv 2309.00071): pairs that turn often within the original context stay, those that turn seldom are
/// stretched by the factor, with a ramp between; cosines and sines grow by a factor of their own.
/// </summary>
/// <param name="Factor">factor.</param>
/// <param name="Original">original_max_position_embeddings.</param>
/// <param name="BetaFast">Turns from which on a pair stays: beta_fast.</param>
/// <param name="BetaSlow">Turns up to which a pair is stretched: beta_slow.</param>
/// <param name="AttentionFactor">attention_factor; null: <c>0.1 ln(factor) + 1</c>, or from the scales.</param>
/// <param name="Scale">mscale.</param>
/// <param name="ScaleAllDimensions">mscale_all_dim.</param>
/// <param name="Truncate">Whether the ramp begins and ends at whole pairs: truncate.</param>
public sealed record YarnRope(
    double Factor,
    int Original,
    double BetaFast = 32,
    double BetaSlow = 1,
    double? AttentionFactor = null,
    double? Scale = null,
    double? ScaleAllDimensions = null,
    bool Truncate = true) : RopeScaling
{
    internal override double Extend(int stated) => Math.Max(stated, Original * Factor);

    internal override double Magnitude => AttentionFactor
        ?? (Scale is { } scale and not 0 && ScaleAllDimensions is { } all and not 0
            ? Grown(scale) / Grown(all)
            : Grown(1));

    internal override double[] Frequencies(double theta, int width, long length)
    {
        var (first, last) = (PairOf(BetaFast), PairOf(BetaSlow));
        (first, last) = Truncate ? (Math.Floor(first), Math.Ceiling(last)) : (first, last);
        (first, last) = (Math.Max(first, 0), Math.Min(last, width - 1));
        last = first == last ? last + 0.001 : last;
        return
        [
            .. Unscaled(theta, width).Select((frequency, pair) =>
            {
                var stretched = Math.Clamp((pair - first) / (last - first), 0, 1);
                return (stretched * frequency / Factor) + ((1 - stretched) * frequency);
            }),
        ];

        // The pair, as a real number, that turns so often within the original context.
        double PairOf(double turns) => width * Math.Log(Original / (turns * 2 * Math.PI)) / (2 * Math.Log(theta));
    }

    internal override JsonObject Write()
    {
        var json = new JsonObject
        {
            ["rope_type"] = "yarn",
            ["factor"] = Factor,
            ["original_max_position_embeddings"] = Original,
            ["beta_fast"] = BetaFast,
            ["beta_slow"] = BetaSlow,
            ["truncate"] = Truncate,
        };
        foreach (var (name, value) in new[]
        {
            ("attention_factor", AttentionFactor), ("mscale", Scale), ("mscale_all_dim", ScaleAllDimensions),
        })
        {
            if (value is { } number)
            {
                json[name] = number;
            }
        }

        return json;
    }

    private double Grown(double scale) => Factor <= 1 ? 1 : (0.1 * scale * Math.Log(Factor)) + 1;
}
