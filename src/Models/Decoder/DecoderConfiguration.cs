using System.Text.Json;
using System.Text.Json.Nodes;

namespace Marrow.Models;

/// <summary>
/// config.json of the families that <see cref="Decoder"/> is. What a file leaves out is what Hugging Face's class of
/// the family takes for it.
/// </summary>
internal static class DecoderConfiguration
{
    private const string Full = "full_attention", Sliding = "sliding_attention";

    // In the order in which one is sought that can say a model's sizes.
    private static readonly Family[] Families =
    [
        new("llama", "LlamaForCausalLM", Llama, "attention_bias", "hidden_act", "mlp_bias"),
        new("mistral", "MistralForCausalLM", Mistral, "hidden_act", "sliding_window"),
        new(
            "qwen2", "Qwen2ForCausalLM", Qwen2,
            "hidden_act", "layer_types", "sliding_window", "use_sliding_window"),
        new(
            "qwen3", "Qwen3ForCausalLM", Qwen3,
            "attention_bias", "hidden_act", "layer_types", "sliding_window", "use_sliding_window"),
        new(
            "gemma2", "Gemma2ForCausalLM", Gemma2,
            "attention_bias", "attn_logit_softcapping", "final_logit_softcapping", "hidden_activation", "layer_types",
            "query_pre_attn_scalar", "sliding_window"),
        new(
            "gemma3_text", "Gemma3ForCausalLM", Gemma3,
            "attention_bias", "attn_logit_softcapping", "final_logit_softcapping", "hidden_activation", "layer_types",
            "query_pre_attn_scalar", "rope_local_base_freq", "sliding_window"),
        new("phi3", "Phi3ForCausalLM", Phi3, "hidden_act", "partial_rotary_factor", "sliding_window"),
    ];

    /// <summary>The model types that <see cref="Read"/> knows.</summary>
    public static IEnumerable<string> ModelTypes => Families.Select(family => family.ModelType);

    /// <summary>The sizes that a file states.</summary>
    /// <exception cref="ConfigurationException">It is of another model.</exception>
    public static DecoderSizes Read(ConfigurationFields config)
    {
        var type = config.Text("model_type") ?? throw new ConfigurationException("model_type is missing");
        var family = Array.Find(Families, family => family.ModelType == type) ?? throw new ConfigurationException(
            $"model_type is {CheckpointException.Quote(type)}", string.Join(", ", ModelTypes));
        config.Refuse("quantization_config");
        var sizes = family.Read(config);
        return Fault(sizes) is { } fault ? throw new ConfigurationException(fault) : sizes;
    }

    /// <summary>What in a file is not what these sizes say; one sentence per field.</summary>
    public static IEnumerable<string> Faults(JsonElement config, DecoderSizes sizes) =>
        ConfigurationFields.Faults(config, Describe(sizes), fields => Describe(Read(fields)));

    /// <summary>The config.json of a model of these sizes, as one of the first family that has all its parts.</summary>
    /// <exception cref="NotSupportedException">None has.</exception>
    public static JsonObject Write(DecoderSizes sizes)
    {
        foreach (var family in Families)
        {
            var json = Write(sizes, family);
            using var document = JsonDocument.Parse(json.ToJsonString());
            if (!Faults(document.RootElement, sizes).Any())
            {
                return json;
            }
        }

        throw new NotSupportedException(
            "No config.json can say this model's sizes: it has parts of several of the families "
            + $"{string.Join(", ", ModelTypes)}.");
    }

    private static DecoderSizes Common(ConfigurationFields config, double theta = 10000, int? head = null)
    {
        var (hidden, heads) = (config.Size("hidden_size"), config.Size("num_attention_heads"));
        var context = config.Size("max_position_embeddings");
        var (rope, windowedTheta) = Rope(config, context, ref theta);
        head = config.Integer("head_dim") ?? head;
        return new(
            config.Size("vocab_size"),
            hidden,
            config.Size("intermediate_size"),
            config.Size("num_hidden_layers"),
            heads,
            config.Integer("num_key_value_heads") ?? heads,
            Longest(context, windowedTheta is null ? rope : null),
            config.Number("rms_norm_eps") ?? 1e-6,
            theta,
            config.Flag("tie_word_embeddings") ?? false,
            head * heads == hidden ? null : head,
            Activation: Activations.Read(config, "hidden_act", Activation.Silu),
            Rope: rope,
            WindowedRopeTheta: windowedTheta,
            RotaryShare: RotaryShare(config),
            AttentionDropout: config.Number("attention_dropout") ?? 0);
    }

    private static DecoderSizes Llama(ConfigurationFields config)
    {
        RefuseWindows(config);
        var hasBias = config.Flag("attention_bias") ?? false;
        return Common(config) with
        {
            QkvBias = hasBias,
            OutputBias = hasBias,
            MlpBias = config.Flag("mlp_bias") ?? false,
        };
    }

    private static DecoderSizes Mistral(ConfigurationFields config)
    {
        RefuseBias(config);
        var window = config.Has("sliding_window") ? config.Integer("sliding_window") ?? 0 : 4096;
        if (window > 0)
        {
            RefuseLayerTypes(config, Sliding);
        }
        else
        {
            RefuseWindows(config);
        }

        return Common(config) with { Window = window };
    }

    private static DecoderSizes Qwen2(ConfigurationFields config) =>
        QwenWindows(config, Common(config) with { QkvBias = true });

    private static DecoderSizes Qwen3(ConfigurationFields config)
    {
        var hasBias = config.Flag("attention_bias") ?? false;
        return QwenWindows(
            config, Common(config, head: 128) with { QkvBias = hasBias, OutputBias = hasBias, QkNorms = true });
    }

    private static DecoderSizes QwenWindows(ConfigurationFields config, DecoderSizes sizes)
    {
        if (!(config.Flag("use_sliding_window") ?? false))
        {
            RefuseWindows(config);
            return sizes;
        }

        var first = config.Number("max_window_layers") ?? 28;
        return Windows(config, sizes, layer => layer >= first);
    }

    private static DecoderSizes Gemma2(ConfigurationFields config) => Windows(
        config,
        Gemma(config, Common(config, head: 256)) with
        {
            AttentionSoftCap = Cap(config, "attn_logit_softcapping", 50),
            LogitSoftCap = Cap(config, "final_logit_softcapping", 30),
        },
        layer => layer % 2 == 0);

    private static DecoderSizes Gemma3(ConfigurationFields config)
    {
        var pattern = config.Integer("sliding_window_pattern") ?? 6;
        var sizes = Common(config, theta: 1e6, head: 256);
        return Windows(
            config,
            Gemma(config, sizes) with
            {
                QkNorms = true,
                WindowedRopeTheta = sizes.WindowedRopeTheta ?? config.Number("rope_local_base_freq") ?? 10000,
                AttentionSoftCap = Cap(config, "attn_logit_softcapping", 0),
                LogitSoftCap = Cap(config, "final_logit_softcapping", 0),
                Context = config.Size("max_position_embeddings"), // which counts the scaling already
            },
            layer => (layer + 1) % pattern != 0);
    }

    private static DecoderSizes Gemma(ConfigurationFields config, DecoderSizes sizes)
    {
        config.Refuse("use_bidirectional_attention", "false");
        var hasBias = config.Flag("attention_bias") ?? false;
        return sizes with
        {
            Tied = config.Flag("tie_word_embeddings") ?? true,
            QkvBias = hasBias,
            OutputBias = hasBias,
            Activation = Activations.Read(config, "hidden_activation", Activation.GeluTanh),
            ZeroCenteredNorms = true,
            PostNorms = true,
            ScaledEmbedding = true,
            QueryScalar = config.Number("query_pre_attn_scalar") ?? 256,
        };
    }

    private static DecoderSizes Phi3(ConfigurationFields config)
    {
        RefuseBias(config);
        config.Refuse("resid_pdrop", "0", "0.0");
        config.Refuse("embd_pdrop", "0", "0.0");
        var sizes = Common(config);
        if (sizes.Rope is { } rope)
        {
            throw new ConfigurationException(
                $"the rotary positions of phi3 have the type {rope.Write()["rope_type"]}", "default");
        }

        var window = config.Integer("sliding_window") ?? 0;
        RefuseLayerTypes(config, window > 0 ? Sliding : Full);
        return sizes with { Fused = true, Window = window, NormEps = config.Number("rms_norm_eps") ?? 1e-5 };
    }

    /// <summary>Windows by layer_types, or by the family's rule where the file has none.</summary>
    private static DecoderSizes Windows(ConfigurationFields config, DecoderSizes sizes, Func<int, bool> isWindowed)
    {
        var windowed = config.Texts("layer_types") is { } types
            ? types.Select(type => type switch
            {
                Full => false,
                Sliding => true,
                _ => throw new ConfigurationException(
                    $"layer_types has {CheckpointException.Quote(type)}", $"{Full} and {Sliding}"),
            }).ToList()
            : [.. Enumerable.Range(0, sizes.Layers).Select(isWindowed)];
        var window = config.Has("sliding_window") ? config.Integer("sliding_window") ?? 0 : 4096;
        return windowed.Count != sizes.Layers
            ? throw new ConfigurationException($"layer_types has {windowed.Count} items for {sizes.Layers} layers")
            : !windowed.Contains(true) || window == 0 ? sizes
            : sizes with { Window = window, Windowed = windowed.Contains(false) ? windowed : null };
    }

    private static void RefuseWindows(ConfigurationFields config)
    {
        config.Refuse("use_sliding_window", "false");
        RefuseLayerTypes(config, Full);
    }

    private static void RefuseLayerTypes(ConfigurationFields config, string only)
    {
        if (config.Texts("layer_types")?.FirstOrDefault(type => type != only) is { } other)
        {
            throw new ConfigurationException($"layer_types has {CheckpointException.Quote(other)}", only);
        }
    }

    private static void RefuseBias(ConfigurationFields config)
    {
        config.Refuse("attention_bias", "false");
        config.Refuse("mlp_bias", "false");
    }

    /// <summary>A soft cap: null is none, a missing one the family's.</summary>
    private static double Cap(ConfigurationFields config, string field, double standard) =>
        config.Has(field) ? config.Number(field) ?? 0 : standard;

    /// <summary>
    /// The scaling of rotary angles and their base, of layers without window, and the base of windowed layers where it
    /// is another. Newer files have all in rope_parameters, which may have an object for each type of layer.
    /// </summary>
    private static (RopeScaling? Scaling, double? WindowedTheta) Rope(
        ConfigurationFields config, int context, ref double theta)
    {
        var field = config.Object("rope_scaling") is null ? "rope_parameters" : "rope_scaling";
        theta = config.Number("rope_theta") ?? theta;
        if (config.Object(field) is not { } rope)
        {
            return (null, null);
        }

        var (full, windowed) = (rope.Object(Full), rope.Object(Sliding));
        var standard = windowed is null ? theta : 10000;
        theta = (full ?? rope).Number("rope_theta") ?? theta;
        var scaling = RopeScaling.Read(full ?? rope, field, context);
        if (windowed is null)
        {
            return (scaling, null);
        }

        return RopeScaling.Read(windowed, field, context) is { } other
            ? throw new ConfigurationException(
                $"{field} of {Sliding} has the type {other.Write()["rope_type"]}", "default")
            : (scaling, windowed.Number("rope_theta") ?? standard);
    }

    private static double RotaryShare(ConfigurationFields config) =>
        config.Number("partial_rotary_factor")
        ?? (config.Object("rope_scaling") ?? config.Object("rope_parameters"))?.Number("partial_rotary_factor")
        ?? 1;

    private static int Longest(int context, RopeScaling? rope) =>
        (int)Math.Min(int.MaxValue, Math.Round(rope?.Extend(context) ?? context));

    /// <summary>What no model can be made of.</summary>
    private static string? Fault(DecoderSizes sizes) =>
        sizes.Heads % sizes.KeyValueHeads != 0
            ? $"num_key_value_heads {sizes.KeyValueHeads} does not divide num_attention_heads {sizes.Heads}"
        : sizes.Head is null && sizes.Hidden % sizes.Heads != 0
            ? $"num_attention_heads {sizes.Heads} does not divide hidden_size {sizes.Hidden}, and head_dim is missing"
        : sizes.RotaryWidth < 2 || sizes.RotaryWidth % 2 != 0 || sizes.RotaryWidth > sizes.HeadSize
            ? $"{sizes.RotaryWidth} components of a head of {sizes.HeadSize} cannot turn in pairs"
        : sizes.RopeTheta <= 0 || sizes.WindowedRopeTheta <= 0 ? "the base of the rotary angles is not positive"
        : sizes.NormEps < 0 ? "rms_norm_eps is negative"
        : null;

    /// <summary>All that decides the computation, under the names of config.json where it has any.</summary>
    private static JsonObject Describe(DecoderSizes sizes) => new()
    {
        ["vocab_size"] = sizes.Vocabulary,
        ["hidden_size"] = sizes.Hidden,
        ["intermediate_size"] = sizes.Intermediate,
        ["num_hidden_layers"] = sizes.Layers,
        ["num_attention_heads"] = sizes.Heads,
        ["num_key_value_heads"] = sizes.KeyValueHeads,
        ["head_dim"] = sizes.HeadSize,
        ["rms_norm_eps"] = sizes.NormEps,
        ["tie_word_embeddings"] = sizes.Tied,
        ["hidden_act"] = sizes.Activation.Name(),
        ["rope_theta"] = sizes.RopeTheta,
        ["rope_scaling"] = sizes.Rope?.Write(),
        ["rope_local_base_freq"] = sizes.WindowedRopeTheta,
        ["partial_rotary_factor"] = sizes.RotaryShare,
        ["sliding_window"] = sizes.Window,
        ["layer_types"] = LayerTypes(sizes),
        ["query_pre_attn_scalar"] = sizes.QueryScalar ?? sizes.HeadSize,
        ["attn_logit_softcapping"] = sizes.AttentionSoftCap,
        ["final_logit_softcapping"] = sizes.LogitSoftCap,
        ["attention_dropout"] = sizes.AttentionDropout,
        ["bias of queries, keys and values"] = sizes.QkvBias,
        ["bias of the output of attention"] = sizes.OutputBias,
        ["mlp_bias"] = sizes.MlpBias,
        ["norms of queries and keys"] = sizes.QkNorms,
        ["fused projections"] = sizes.Fused,
        ["norms that scale by 1 + w"] = sizes.ZeroCenteredNorms,
        ["norms behind attention and MLP"] = sizes.PostNorms,
        ["scaling of the embedding"] = sizes.ScaledEmbedding,
    };

    private static JsonObject Write(DecoderSizes sizes, Family family)
    {
        var isExtended = sizes.WindowedRopeTheta is null;
        var stated = isExtended ? sizes.Rope?.State(sizes.Context) ?? sizes.Context : sizes.Context;
        var json = new JsonObject
        {
            ["architectures"] = new JsonArray(family.Architecture),
            ["attention_dropout"] = sizes.AttentionDropout,
            ["head_dim"] = sizes.HeadSize,
            ["hidden_size"] = sizes.Hidden,
            ["intermediate_size"] = sizes.Intermediate,
            ["max_position_embeddings"] = (int)Math.Round(stated),
            ["model_type"] = family.ModelType,
            ["num_attention_heads"] = sizes.Heads,
            ["num_hidden_layers"] = sizes.Layers,
            ["num_key_value_heads"] = sizes.KeyValueHeads,
            ["rms_norm_eps"] = sizes.NormEps,
            ["rope_scaling"] = sizes.Rope?.Write(),
            ["rope_theta"] = sizes.RopeTheta,
            ["tie_word_embeddings"] = sizes.Tied,
            ["vocab_size"] = sizes.Vocabulary,
        };
        foreach (var field in family.Fields)
        {
            json[field] = field switch
            {
                "attention_bias" => sizes.QkvBias,
                "attn_logit_softcapping" => sizes.AttentionSoftCap == 0 ? null : sizes.AttentionSoftCap,
                "final_logit_softcapping" => sizes.LogitSoftCap == 0 ? null : sizes.LogitSoftCap,
                "hidden_act" or "hidden_activation" => sizes.Activation.Name(),
                "layer_types" => LayerTypes(sizes),
                "mlp_bias" => sizes.MlpBias,
                "partial_rotary_factor" => sizes.RotaryShare,
                "query_pre_attn_scalar" => sizes.QueryScalar ?? sizes.HeadSize,
                "rope_local_base_freq" => sizes.WindowedRopeTheta,
                "sliding_window" => sizes.Window == 0 ? null : sizes.Window,
                "use_sliding_window" => sizes.Window > 0,
                _ => throw new ArgumentOutOfRangeException(nameof(family), field, "No size is written so."),
            };
        }

        return new(json.OrderBy(field => field.Key, StringComparer.Ordinal)
            .Select(field => KeyValuePair.Create(field.Key, field.Value?.DeepClone())));
    }

    private static JsonArray LayerTypes(DecoderSizes sizes) => new([
        .. Enumerable.Range(0, sizes.Layers)
            .Select(layer => (JsonNode)(sizes.IsWindowed(layer) ? Sliding : Full)),
    ]);

    /// <summary>What Hugging Face's libraries call a model, and the fields that only some have.</summary>
    private sealed record Family(
        string ModelType,
        string Architecture,
        Func<ConfigurationFields, DecoderSizes> Read,
        params string[] Fields);
}
