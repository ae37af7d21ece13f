using System.Text.Json;
using System.Text.Json.Nodes;

namespace Marrow.Models;

/// <summary>
/// config.json of Hugging Face's LlamaForCausalLM, compared field by field with the sizes of a class.
/// </summary>
internal static class LlamaConfiguration
{
    private const double DefaultRopeTheta = 10000;

    /// <summary>What in a config.json is not what these sizes say; one sentence per field.</summary>
    public static IEnumerable<string> Faults(JsonElement config, LlamaSizes sizes)
    {
        (string Field, JsonNode Wanted, JsonNode? Default)[] fields =
        [
            ("model_type", "llama", null),
            ("vocab_size", sizes.Vocabulary, null),
            ("hidden_size", sizes.Hidden, null),
            ("intermediate_size", sizes.Intermediate, null),
            ("num_hidden_layers", sizes.Layers, null),
            ("num_attention_heads", sizes.Heads, null),
            ("num_key_value_heads", sizes.KeyValueHeads, sizes.Heads),
            ("head_dim", sizes.Hidden / Math.Max(1, sizes.Heads), sizes.Hidden / Math.Max(1, sizes.Heads)),
            ("rms_norm_eps", sizes.NormEps, 1e-6),
            ("tie_word_embeddings", sizes.Tied, false),
            ("hidden_act", "silu", "silu"),
            ("attention_bias", false, false),
            ("mlp_bias", false, false),
        ];
        foreach (var (field, wanted, standard) in fields)
        {
            var found = config.TryGetProperty(field, out var value) && value.ValueKind != JsonValueKind.Null
                ? value.GetRawText()
                : standard?.ToJsonString();
            if (found is null)
            {
                yield return $"{field} is missing";
            }
            else if (!Same(found, wanted.ToJsonString()))
            {
                yield return $"{field} is {found}, but the model's is {wanted.ToJsonString()}";
            }
        }

        if (RopeTheta(config) != sizes.RopeTheta)
        {
            yield return FormattableString.Invariant(
                $"rope_theta is {RopeTheta(config)}, but the model's is {sizes.RopeTheta}");
        }

        if (RopeScaling(config) is { } scaling)
        {
            yield return $"rope_scaling is {scaling}, which is not supported";
        }
    }

    /// <summary>The config.json of a model of these sizes.</summary>
    public static JsonObject Write(LlamaSizes sizes) => new()
    {
        ["architectures"] = new JsonArray("LlamaForCausalLM"),
        ["attention_bias"] = false,
        ["bos_token_id"] = 1,
        ["eos_token_id"] = 2,
        ["head_dim"] = sizes.Hidden / sizes.Heads,
        ["hidden_act"] = "silu",
        ["hidden_size"] = sizes.Hidden,
        ["intermediate_size"] = sizes.Intermediate,
        ["max_position_embeddings"] = sizes.Context,
        ["mlp_bias"] = false,
        ["model_type"] = "llama",
        ["num_attention_heads"] = sizes.Heads,
        ["num_hidden_layers"] = sizes.Layers,
        ["num_key_value_heads"] = sizes.KeyValueHeads,
        ["rms_norm_eps"] = sizes.NormEps,
        ["rope_scaling"] = null,
        ["rope_theta"] = sizes.RopeTheta,
        ["tie_word_embeddings"] = sizes.Tied,
        ["vocab_size"] = sizes.Vocabulary,
    };

    /// <summary>The base of the rotary angles; newer files have it inside rope_parameters.</summary>
    public static double RopeTheta(JsonElement config) =>
        config.TryGetProperty("rope_theta", out var theta) ? theta.GetDouble()
        : config.TryGetProperty("rope_parameters", out var rope) && rope.ValueKind == JsonValueKind.Object
            && rope.TryGetProperty("rope_theta", out theta) ? theta.GetDouble()
        : DefaultRopeTheta;

    private static string? RopeScaling(JsonElement config)
    {
        if (config.TryGetProperty("rope_scaling", out var scaling) && scaling.ValueKind != JsonValueKind.Null)
        {
            return scaling.GetRawText();
        }

        return config.TryGetProperty("rope_parameters", out var rope) && rope.ValueKind == JsonValueKind.Object
            && rope.TryGetProperty("rope_type", out var type) && type.GetString() != "default"
                ? rope.GetRawText()
                : null;
    }

    private static bool Same(string found, string wanted) => found == wanted
        || (double.TryParse(found, System.Globalization.CultureInfo.InvariantCulture, out var a)
            && double.TryParse(wanted, System.Globalization.CultureInfo.InvariantCulture, out var b) && a == b);
}
