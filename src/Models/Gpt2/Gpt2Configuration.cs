using System.Text.Json;
using System.Text.Json.Nodes;

namespace Marrow.Models;

/// <summary>config.json of Hugging Face's GPT2LMHeadModel.</summary>
internal static class Gpt2Configuration
{
    /// <summary>The model_type.</summary>
    public const string ModelType = "gpt2";

    /// <summary>The sizes that a file states.</summary>
    /// <exception cref="ConfigurationException">It is of another model.</exception>
    public static Gpt2Sizes Read(ConfigurationFields config)
    {
        if (config.Text("model_type") is var type && type != ModelType)
        {
            throw new ConfigurationException(
                type is null ? "model_type is missing" : $"model_type is {CheckpointException.Quote(type)}", ModelType);
        }

        config.Refuse("quantization_config");
        config.Refuse("add_cross_attention", "false");
        var (hidden, heads) = (config.Size("n_embd"), config.Size("n_head"));
        return hidden % heads != 0
            ? throw new ConfigurationException($"n_head {heads} does not divide n_embd {hidden}")
            : new(
                config.Size("vocab_size"),
                hidden,
                config.Size("n_layer"),
                heads,
                config.Integer("n_positions") ?? config.Integer("n_ctx") ?? 1024,
                config.Integer("n_inner"),
                config.Number("layer_norm_epsilon") ?? 1e-5,
                Activations.Read(config, "activation_function", Activation.GeluTanh),
                config.Flag("tie_word_embeddings") ?? true,
                config.Flag("scale_attn_weights") ?? true,
                config.Flag("scale_attn_by_inverse_layer_idx") ?? false,
                config.Dropout("resid_pdrop") ?? 0.1,
                config.Dropout("embd_pdrop") ?? 0.1,
                config.Dropout("attn_pdrop") ?? 0.1);
    }

    /// <summary>What in a file is not what these sizes say; one sentence per field.</summary>
    public static IEnumerable<string> Faults(JsonElement config, Gpt2Sizes sizes) =>
        ConfigurationFields.Faults(config, Describe(sizes), fields => Describe(Read(fields)));

    /// <summary>The config.json of a model of these sizes.</summary>
    public static JsonObject Write(Gpt2Sizes sizes)
    {
        var json = Describe(sizes);
        json["model_type"] = ModelType;
        json["architectures"] = new JsonArray("GPT2LMHeadModel");
        return json;
    }

    private static JsonObject Describe(Gpt2Sizes sizes) => new()
    {
        ["vocab_size"] = sizes.Vocabulary,
        ["n_embd"] = sizes.Hidden,
        ["n_layer"] = sizes.Layers,
        ["n_head"] = sizes.Heads,
        ["n_positions"] = sizes.Context,
        ["n_inner"] = sizes.Intermediate ?? 4 * sizes.Hidden,
        ["layer_norm_epsilon"] = sizes.NormEps,
        ["activation_function"] = sizes.Activation == Activation.GeluTanh ? "gelu_new" : sizes.Activation.Name(),
        ["tie_word_embeddings"] = sizes.Tied,
        ["scale_attn_weights"] = sizes.IsScaled,
        ["scale_attn_by_inverse_layer_idx"] = sizes.IsScaledByLayer,
        ["resid_pdrop"] = sizes.ResidualDropout,
        ["embd_pdrop"] = sizes.EmbeddingDropout,
        ["attn_pdrop"] = sizes.AttentionDropout,
    };
}
