using System.Text.Json;

namespace Marrow.Models;

/// <summary>The sizes of a LLaMA, as its config.json states them.</summary>
/// <param name="Vocabulary">vocab_size.</param>
/// <param name="Hidden">hidden_size.</param>
/// <param name="Intermediate">intermediate_size.</param>
/// <param name="Layers">num_hidden_layers.</param>
/// <param name="Heads">num_attention_heads.</param>
/// <param name="KeyValueHeads">num_key_value_heads.</param>
/// <param name="Context">max_position_embeddings.</param>
/// <param name="NormEps">rms_norm_eps.</param>
/// <param name="RopeTheta">rope_theta.</param>
/// <param name="Tied">tie_word_embeddings.</param>
public sealed record LlamaSizes(
    int Vocabulary,
    int Hidden,
    int Intermediate,
    int Layers,
    int Heads,
    int KeyValueHeads,
    int Context = 4096,
    double NormEps = 1e-5,
    double RopeTheta = 10000,
    bool Tied = false)
{
    /// <summary>Reads the sizes from the config.json of a Hugging Face LLaMA directory.</summary>
    /// <param name="directory">The folder.</param>
    /// <exception cref="CheckpointException">There is none, or it is not of a LLaMA that this architecture
    /// is.</exception>
    public static LlamaSizes Read(string directory)
    {
        OutputFolder.Complete(directory);
        var file = Path.Combine(directory, "config.json");
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllText(file));
            var config = json.RootElement;
            var sizes = Of(config);
            var faults = LlamaConfiguration.Faults(config, sizes).ToList();
            return faults.Count == 0
                ? sizes
                : throw new CheckpointException(file, string.Join("; ", faults), "use a LLaMA or LLaMA2 checkpoint");
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(
                file, $"it cannot be read ({fault.Message})", "name the folder of a Hugging Face LLaMA", fault);
        }
        catch (Exception fault) when (
            fault is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            throw new CheckpointException(
                file,
                $"it is no LLaMA configuration ({fault.Message})",
                "use the config.json that came with the weights",
                fault);
        }
    }

    private static LlamaSizes Of(JsonElement config)
    {
        return new(
            Positive("vocab_size"),
            Positive("hidden_size"),
            Positive("intermediate_size"),
            Positive("num_hidden_layers"),
            Positive("num_attention_heads"),
            config.TryGetProperty("num_key_value_heads", out var heads) && heads.ValueKind != JsonValueKind.Null
                ? Positive("num_key_value_heads")
                : Positive("num_attention_heads"),
            Positive("max_position_embeddings"),
            config.GetProperty("rms_norm_eps").GetDouble(),
            LlamaConfiguration.RopeTheta(config),
            config.TryGetProperty("tie_word_embeddings", out var tied) && tied.GetBoolean());

        int Positive(string field) => config.TryGetProperty(field, out var value)
            ? value.TryGetInt32(out var number) && number > 0
                ? number
                : throw new FormatException($"{field} is {value.GetRawText()}, not a positive integer")
            : throw new FormatException($"{field} is missing");
    }
}
