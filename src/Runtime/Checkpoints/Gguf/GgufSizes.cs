using System.Text.Json.Nodes;

namespace Marrow.Checkpoints.Gguf;

/// <summary>The sizes and constants of a model, from its config.json, as GGUF states them.</summary>
/// <param name="family">The model's family.</param>
/// <param name="written">Its config.json.</param>
internal sealed class GgufSizes(GgufArchitecture family, JsonObject written)
{
    // Numbers out of a text convert to any type, those that code put there do not.
    private readonly JsonObject config = JsonNode.Parse(written.ToJsonString())!.AsObject();

    /// <summary>Heads of queries.</summary>
    public long Heads => Whole("num_attention_heads", "n_head");

    /// <summary>Heads of keys and values.</summary>
    public long KeyHeads => config["num_key_value_heads"] is null ? Heads : Whole("num_key_value_heads");

    private long Width => Whole("hidden_size", "n_embd");

    private long HeadSize => config["head_dim"] is null ? Width / Heads : Whole("head_dim");

    private JsonObject? Scaling
    {
        get
        {
            var scaling = (config["rope_scaling"] ?? config["rope_parameters"]) as JsonObject;
            return scaling is null || RopeType(scaling) is null or "default" ? null : scaling;
        }
    }

    /// <summary>The metadata of the file.</summary>
    /// <exception cref="NotSupportedException">GGUF cannot state something; the message is the end of a
    /// sentence.</exception>
    public IEnumerable<(string Key, object Value)> Metadata()
    {
        var name = family.Name;
        yield return ($"{name}.context_length", Count(Context()));
        yield return ($"{name}.embedding_length", Count(Width));
        yield return ($"{name}.block_count", Count(Whole("num_hidden_layers", "n_layer")));
        yield return ($"{name}.vocab_size", Count(Whole("vocab_size")));
        yield return ($"{name}.attention.head_count", Count(Heads));
        RequireActivation();
        if (name == "gpt2")
        {
            if (config["scale_attn_by_inverse_layer_idx"] is JsonValue scaled && (bool)scaled
                || config["scale_attn_weights"] is JsonValue plain && !(bool)plain)
            {
                throw new NotSupportedException("llama.cpp's gpt2 scales attention by the head's size alone");
            }

            yield return ($"{name}.feed_forward_length", Count(
                config["n_inner"] is null ? 4 * Width : Whole("n_inner")));
            yield return ($"{name}.attention.layer_norm_epsilon", Real("layer_norm_epsilon", 1e-5));
            yield break;
        }

        yield return ($"{name}.feed_forward_length", Count(Whole("intermediate_size")));
        yield return ($"{name}.attention.head_count_kv", Count(KeyHeads));
        yield return ($"{name}.attention.key_length", Count(HeadSize));
        yield return ($"{name}.attention.value_length", Count(HeadSize));
        yield return ($"{name}.attention.layer_norm_rms_epsilon", Real("rms_norm_eps", 1e-6));
        yield return ($"{name}.rope.dimension_count", Count(
            (long)(HeadSize * (config["partial_rotary_factor"] is JsonValue part ? (double)part : 1))));
        yield return ($"{name}.rope.freq_base", RopeBase());
        foreach (var entry in Rope().Concat(Gemma()))
        {
            yield return entry;
        }
    }

    /// <summary>
    /// The factors by which Llama 3.1's frequencies are divided, [head size / 2]; null if they are not.
    /// </summary>
    public float[]? RopeFactors()
    {
        if (Scaling is not { } scaling || RopeType(scaling) != "llama3")
        {
            return null;
        }

        var (factor, low, high, original) = (
            Number(scaling, "factor"), Number(scaling, "low_freq_factor"), Number(scaling, "high_freq_factor"),
            Number(scaling, "original_max_position_embeddings"));
        return
        [
            .. Enumerable.Range(0, (int)HeadSize / 2).Select(i =>
            {
                var wavelength = 2 * Math.PI * Math.Pow(RopeBase(), 2.0 * i / HeadSize);
                var smooth = Math.Clamp(((original / wavelength) - low) / (high - low), 0, 1);
                return (float)(1 / (((1 - smooth) / factor) + smooth));
            }),
        ];
    }

    private static string? RopeType(JsonObject scaling) => (string?)scaling["rope_type"] ?? (string?)scaling["type"];

    private static double Number(JsonObject json, string field) => json[field] is JsonValue value
        ? (double)value
        : throw new NotSupportedException($"rope_scaling has no {field}");

    private static object Count(long number) => checked((uint)number);

    /// <summary>But for Gemma's, llama.cpp has no sliding windows: within one there is no difference.</summary>
    private long Context()
    {
        var context = Whole("max_position_embeddings", "n_positions");
        var hasWindow = !family.Name.StartsWith("gemma", StringComparison.Ordinal)
            && (config["use_sliding_window"] is not JsonValue use || (bool)use);
        return hasWindow && config["sliding_window"] is JsonValue window ? Math.Min(context, (long)window) : context;
    }

    private void RequireActivation()
    {
        var own = (string?)(config["hidden_activation"] ?? config["hidden_act"] ?? config["activation_function"]);
        if (own is not null && own != family.Activation)
        {
            throw new NotSupportedException(
                $"llama.cpp's {family.Name} computes {family.Activation}, and this model {own}");
        }
    }

    private IEnumerable<(string Key, object Value)> Rope()
    {
        if (Scaling is not { } scaling || RopeType(scaling) == "llama3")
        {
            yield break;
        }

        var (name, type) = (family.Name, RopeType(scaling));
        if (type is not ("linear" or "yarn"))
        {
            throw new NotSupportedException($"GGUF states no rope_scaling of type {type} as Marrow computes it");
        }

        yield return ($"{name}.rope.scaling.type", type);
        yield return ($"{name}.rope.scaling.factor", (float)Number(scaling, "factor"));
        if (type == "yarn")
        {
            if (scaling["attention_factor"] is not null || scaling["mscale"] is not null)
            {
                throw new NotSupportedException("GGUF states no attention_factor of yarn");
            }

            yield return ($"{name}.rope.scaling.original_context_length", Count(
                (long)Number(scaling, "original_max_position_embeddings")));
        }
    }

    private IEnumerable<(string Key, object Value)> Gemma()
    {
        var name = family.Name;
        if (name is not ("gemma2" or "gemma3"))
        {
            yield break;
        }

        // llama.cpp has these in its code, not in the file.
        Require("query_pre_attn_scalar", HeadSize);
        if (name == "gemma3")
        {
            Require("rope_local_base_freq", 10000);
            Require("sliding_window_pattern", 6);
        }

        yield return ($"{name}.attention.sliding_window", Count(Whole("sliding_window")));
        foreach (var field in new[] { "attn_logit_softcapping", "final_logit_softcapping" })
        {
            if (config[field] is JsonValue cap)
            {
                yield return ($"{name}.{field}", (float)cap);
            }
            else if (name == "gemma2")
            {
                throw new NotSupportedException($"llama.cpp's gemma2 always has a {field}, and this model has none");
            }
        }

        void Require(string field, double value)
        {
            if (config[field] is JsonValue own && (double)own != value)
            {
                throw new NotSupportedException(FormattableString.Invariant(
                    $"llama.cpp's {name} takes {field} as {value}, and this model's is {own}"));
            }
        }
    }

    private float RopeBase() => (float)(config["rope_theta"] is JsonValue theta ? (double)theta
        : config["rope_parameters"]?["rope_theta"] is JsonValue inner ? (double)inner
        : 10000);

    private object Real(string field, double otherwise) =>
        (float)(config[field] is JsonValue value ? (double)value : otherwise);

    private long Whole(params string[] names) => names.Select(name => config[name]).OfType<JsonValue>().FirstOrDefault()
        is { } value
            ? (long)value
            : throw new NotSupportedException($"config.json has no {names[0]}");
}
