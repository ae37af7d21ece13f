using System.Text.Json;
using System.Text.Json.Nodes;

namespace Marrow.Tokenizers;

/// <summary>
/// A tokenizer as GGUF states it: tokens with their kinds, and merges or scores. How a text is cut before pairs are
/// merged has a name in llama.cpp, which follows from the pattern of tokenizer.json.
/// </summary>
internal static class GgufTokenizer
{
    private const int Normal = 1, Unknown = 2, Control = 3, UserDefined = 4, Unused = 5, Byte = 6;

    /// <summary>
    /// Parts of a pattern, with llama.cpp's name of the way to cut that it belongs to; the first counts.
    /// </summary>
    private static readonly (string Part, string Name)[] Cuts =
    [
        (@"\p{N}{1,3}", "llama-bpe"), // Llama 3
        (@"\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*", "qwen2"),
    ];

    /// <summary>The metadata; none if the folder has no tokenizer.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="config">The model's config.json, which may have more ids than the tokenizer.</param>
    /// <exception cref="CheckpointException">A file is damaged.</exception>
    /// <exception cref="NotSupportedException">llama.cpp has no such tokenizer; the message is the end of a
    /// sentence.</exception>
    public static IEnumerable<(string Key, object Value)> Metadata(string path, JsonObject config)
    {
        var (json, model) = (Path.Combine(path, "tokenizer.json"), Path.Combine(path, "tokenizer.model"));
        var count = (int)config["vocab_size"]!;
        return File.Exists(model) ? [.. OfSentencePiece(path, model, count), .. Special(path)]
            : File.Exists(json) ? [.. OfBytePairs(json, TokenizerJson.Parse(json), count), .. Special(path)]
            : [("tokenizer.ggml.model", "none")];
    }

    private static IEnumerable<(string Key, object Value)> Special(string path)
    {
        using var tokenizer = Tokenizer.Load(path);
        if (tokenizer.BeginId is { } begin)
        {
            yield return ("tokenizer.ggml.bos_token_id", (uint)begin);
        }

        yield return ("tokenizer.ggml.eos_token_id", (uint)tokenizer.EndId);
        if (tokenizer.PadId is { } pad)
        {
            yield return ("tokenizer.ggml.padding_token_id", (uint)pad);
        }

        yield return ("tokenizer.ggml.add_bos_token", tokenizer.Encode("a").FirstOrDefault() == tokenizer.BeginId);
        if (Template(path) is { } template)
        {
            yield return ("tokenizer.chat_template", template);
        }
    }

    private static string? Template(string path)
    {
        var (jinja, file) = (Path.Combine(path, "chat_template.jinja"), Path.Combine(path, "tokenizer_config.json"));
        return File.Exists(jinja) ? File.ReadAllText(jinja)
            : File.Exists(file) && TokenizerJson.Parse(file) is { ValueKind: JsonValueKind.Object } config
                && config.TryGetProperty("chat_template", out var template)
                && template.ValueKind == JsonValueKind.String ? template.GetString()
            : null;
    }

    private static IEnumerable<(string Key, object Value)> OfSentencePiece(string path, string model, int count)
    {
        var pieces = SentencePieceModel.ReadPieces(model);
        var tokens = Padded([.. pieces.Select(piece => piece.Text)], count);
        var scores = new float[tokens.Length];
        var kinds = Enumerable.Repeat(Unused, tokens.Length).ToArray();
        for (var id = 0; id < Math.Min(pieces.Count, count); id++)
        {
            (scores[id], kinds[id]) = ((float)pieces[id].Score, pieces[id].Kind);
        }

        foreach (var added in TokenizerFolder.Read(path).Added(_ => null).Where(added => added.Id < count))
        {
            (tokens[added.Id], kinds[added.Id]) = (added.Content, added.IsSpecial ? Control : UserDefined);
        }

        yield return ("tokenizer.ggml.model", "llama");
        yield return ("tokenizer.ggml.pre", "default");
        yield return ("tokenizer.ggml.tokens", tokens);
        yield return ("tokenizer.ggml.scores", scores);
        yield return ("tokenizer.ggml.token_type", kinds);
        yield return ("tokenizer.ggml.unknown_token_id", (uint)Math.Max(0, Array.IndexOf(kinds, Unknown)));
        yield return ("tokenizer.ggml.add_space_prefix", SentencePieceModel.Read(model).AddPrefix);
    }

    private static IEnumerable<(string Key, object Value)> OfBytePairs(string path, JsonElement root, int count)
    {
        var model = root.GetProperty("model");
        if (model.GetProperty("type").GetString() != "BPE"
            || (model.TryGetProperty("byte_fallback", out var fallback) && fallback.ValueKind == JsonValueKind.True))
        {
            throw new NotSupportedException(
                $"{path} is no byte-level BPE tokenizer, and GGUF wants the scores of its tokenizer.model; fetch that "
                + "file into the folder");
        }

        var found = model.GetProperty("vocab").EnumerateObject().Select(token => (token.Name, token.Value.GetInt32()));
        var added = root.TryGetProperty("added_tokens", out var list) && list.ValueKind == JsonValueKind.Array
            ? list.EnumerateArray().Select(token => (
                Name: token.GetProperty("content").GetString()!,
                Id: token.GetProperty("id").GetInt32(),
                IsSpecial: token.GetProperty("special").GetBoolean())).ToList()
            : [];
        var tokens = Padded([], count);
        var kinds = Enumerable.Repeat(Unused, count).ToArray();
        foreach (var (name, id) in found.Where(token => token.Item2 < count))
        {
            (tokens[id], kinds[id]) = (name, Normal);
        }

        foreach (var (name, id, isSpecial) in added.Where(token => token.Id < count))
        {
            (tokens[id], kinds[id]) = (name, isSpecial ? Control : UserDefined);
        }

        yield return ("tokenizer.ggml.model", "gpt2");
        yield return ("tokenizer.ggml.pre", Cut(path, root));
        yield return ("tokenizer.ggml.tokens", tokens);
        yield return ("tokenizer.ggml.token_type", kinds);
        yield return ("tokenizer.ggml.merges", model.GetProperty("merges").EnumerateArray()
            .Select(merge => merge.ValueKind == JsonValueKind.String
                ? merge.GetString()!
                : $"{merge[0].GetString()} {merge[1].GetString()}")
            .ToArray());
    }

    private static string Cut(string path, JsonElement root)
    {
        var text = root.TryGetProperty("pre_tokenizer", out var cut) ? cut.GetRawText() : "";
        var pattern = text.Length == 0 ? "" : Patterns(cut);
        return Cuts.FirstOrDefault(known => pattern.Contains(known.Part, StringComparison.Ordinal)).Name
            ?? (pattern.Length > 0 || !text.Contains("ByteLevel", StringComparison.Ordinal)
                ? throw new NotSupportedException($"llama.cpp has no name for the way in which {path} cuts texts")
                : text.Contains("\"Digits\"", StringComparison.Ordinal) ? "smollm" : "gpt-2");
    }

    /// <summary>All patterns of a pre-tokenizer, one after another.</summary>
    private static string Patterns(JsonElement cut) => cut.ValueKind switch
    {
        JsonValueKind.Object => string.Concat(cut.EnumerateObject().Select(field =>
            field.Name == "Regex" ? field.Value.GetString() : Patterns(field.Value))),
        JsonValueKind.Array => string.Concat(cut.EnumerateArray().Select(Patterns)),
        _ => "",
    };

    /// <summary>A model's vocabulary may have more ids than its tokenizer.</summary>
    private static string[] Padded(string[] tokens, int count) =>
        [.. Enumerable.Range(0, count).Select(id => id < tokens.Length ? tokens[id] : $"[PAD{id}]")];
}
