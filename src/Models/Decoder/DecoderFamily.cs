namespace Marrow.Models;

/// <summary>
/// A family of checkpoints that <see cref="Decoder"/> is: what its config.json says. What a file leaves out is what
/// Hugging Face's class of the family takes for it.
/// </summary>
/// <param name="ModelType">model_type.</param>
/// <param name="Architecture">The class.</param>
/// <param name="Read">The sizes that a file states.</param>
/// <param name="Fields">The fields that not all families have.</param>
internal sealed record DecoderFamily(
    string ModelType,
    string Architecture,
    Func<ConfigurationFields, DecoderSizes> Read,
    params string[] Fields)
{
    /// <summary>What layer_types says of a layer that sees all, and of one with the window.</summary>
    public const string Full = "full_attention", Sliding = "sliding_attention";

    /// <summary>All of them, in the order in which one is sought that can say a model's sizes.</summary>
    public static IReadOnlyList<DecoderFamily> All { get; } =
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
            AttentionDropout: config.Dropout("attention_dropout") ?? 0);
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
}
