using System.Text.Json;
using System.Text.Json.Nodes;

namespace Marrow.Models;

/// <summary>config.json of what <see cref="Decoder"/> is, compared field by field with the sizes of a class.</summary>
internal static class DecoderConfiguration
{
    /// <summary>The model types that <see cref="Read"/> knows.</summary>
    public static IEnumerable<string> ModelTypes => DecoderFamily.All.Select(family => family.ModelType);

    /// <summary>The sizes that a file states.</summary>
    /// <exception cref="ConfigurationException">It is of another model.</exception>
    public static DecoderSizes Read(ConfigurationFields config)
    {
        var type = config.Text("model_type") ?? throw new ConfigurationException("model_type is missing");
        var family = DecoderFamily.All.FirstOrDefault(family => family.ModelType == type)
            ?? throw new ConfigurationException(
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
        foreach (var family in DecoderFamily.All)
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

    private static JsonObject Write(DecoderSizes sizes, DecoderFamily family)
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
            .Select(layer => (JsonNode)(sizes.IsWindowed(layer) ? DecoderFamily.Sliding : DecoderFamily.Full)),
    ]);
}
