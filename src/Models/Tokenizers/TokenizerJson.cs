using System.Buffers;
using System.Text.Json;

namespace Marrow.Tokenizers;

/// <summary>
/// A tokenizer.json, as far as Marrow itself looks into it: the ids of its tokens, and copies of it with which the
/// official implementation does one thing at a time.
/// </summary>
internal sealed class TokenizerJson
{
    private readonly JsonElement root, vocabulary;
    private readonly Dictionary<string, int> pieces = [];

    private TokenizerJson(string path, JsonElement root)
    {
        (Path, this.root) = (path, root);
        if (!root.TryGetProperty("model", out var model) || !model.TryGetProperty("vocab", out vocabulary)
            || vocabulary.ValueKind is not (JsonValueKind.Object or JsonValueKind.Array))
        {
            throw Damaged(path, "it has no model with a vocabulary");
        }

        // Unigram's vocabulary is an array of pieces with their scores.
        var scored = vocabulary.ValueKind == JsonValueKind.Array ? vocabulary.EnumerateArray().Index() : [];
        foreach (var (id, piece) in scored)
        {
            pieces.TryAdd(piece[0].GetString()!, id);
        }

        var named = vocabulary.ValueKind == JsonValueKind.Object ? vocabulary.EnumerateObject().ToArray() : [];
        ModelSize = named.Select(token => token.Value.GetInt32()).Concat(pieces.Values).DefaultIfEmpty(-1).Max() + 1;
        if (ModelSize < 0)
        {
            throw Damaged(path, "an id is beyond the largest of 32 bits");
        }

        Added = [.. AddedTokens.Select(token => (
            token.GetProperty("content").GetString()!,
            token.TryGetProperty("special", out var special) && special.ValueKind == JsonValueKind.True))];
    }

    public string Path { get; }

    /// <summary>One more than the highest id of the model's own vocabulary.</summary>
    public int ModelSize { get; }

    /// <summary>The added tokens; their ids are those that the official implementation gives them.</summary>
    public IReadOnlyList<(string Content, bool IsSpecial)> Added { get; }

    private IEnumerable<JsonElement> AddedTokens =>
        root.TryGetProperty("added_tokens", out var tokens) && tokens.ValueKind == JsonValueKind.Array
            ? tokens.EnumerateArray()
            : [];

    /// <exception cref="CheckpointException">The file is damaged.</exception>
    public static TokenizerJson Read(string path) => From(path, Parse(path));

    /// <summary>The same of one that does not lie in a file.</summary>
    /// <param name="path">What to name in messages.</param>
    /// <param name="root">Its content.</param>
    public static TokenizerJson From(string path, JsonElement root)
    {
        try
        {
            return new(path, root);
        }
        catch (Exception fault) when (fault is InvalidOperationException or KeyNotFoundException or FormatException
            or ArgumentNullException)
        {
            // JsonElement's answers to a value that is missing or of another type than asked for.
            throw Damaged(path, fault.Message.TrimEnd('.'), fault);
        }
    }

    /// <summary>A file's JSON.</summary>
    /// <exception cref="CheckpointException">It holds none, or cannot be read.</exception>
    public static JsonElement Parse(string path)
    {
        try
        {
            return JsonElement.Parse(File.ReadAllBytes(path));
        }
        catch (JsonException fault)
        {
            throw new CheckpointException(
                path, $"it is not JSON ({fault.Message.TrimEnd('.')})", "fetch it again", fault);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(path, $"it cannot be read ({fault.Message})", "check its permissions", fault);
        }
    }

    /// <summary>A token's id in the model's own vocabulary; null if there is none such.</summary>
    public int? IdOf(string token) =>
        pieces.TryGetValue(token, out var id) ? id
        : vocabulary.ValueKind == JsonValueKind.Object && vocabulary.TryGetProperty(token, out var value)
            ? value.GetInt32()
        : null;

    /// <summary>
    /// A copy that only encodes and decodes: nothing is put around a text, cut off or filled up, and special tokens are
    /// written when decoding (the official implementation would leave them out always).
    /// </summary>
    public byte[] Plain() => Write(writer =>
    {
        foreach (var entry in root.EnumerateObject())
        {
            if (entry.Name is "post_processor" or "truncation" or "padding")
            {
                writer.WriteNull(entry.Name);
            }
            else if (entry.Name == "added_tokens")
            {
                writer.WriteStartArray(entry.Name);
                foreach (var token in AddedTokens)
                {
                    writer.WriteStartObject();
                    foreach (var field in token.EnumerateObject().Where(field => field.Name != "special"))
                    {
                        field.WriteTo(writer);
                    }

                    writer.WriteBoolean("special", false);
                    writer.WriteEndObject();
                }

                writer.WriteEndArray();
            }
            else
            {
                entry.WriteTo(writer);
            }
        }
    });

    /// <summary>
    /// A tokenizer whose every text is the one id <see cref="uint.MaxValue"/>, with what this one puts around a text;
    /// null if it puts nothing.
    /// </summary>
    public byte[]? Surroundings() =>
        !root.TryGetProperty("post_processor", out var processor) || processor.ValueKind != JsonValueKind.Object
            ? null
            : Write(writer =>
            {
                writer.WriteString("version", "1.0");
                writer.WriteStartObject("model");
                writer.WriteString("type", "WordLevel");
                writer.WriteStartObject("vocab");
                writer.WriteNumber("text", uint.MaxValue);
                writer.WriteEndObject();
                writer.WriteString("unk_token", "text");
                writer.WriteEndObject();
                writer.WritePropertyName("post_processor");
                processor.WriteTo(writer);
            });

    /// <summary>The exception for a file that is no tokenizer.</summary>
    public static CheckpointException Damaged(string path, string problem, Exception? cause = null) =>
        new(path, $"it is not a tokenizer in Hugging Face's format ({problem})", "fetch it again", cause);

    private static byte[] Write(Action<Utf8JsonWriter> content)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            content(writer);
            writer.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }
}
