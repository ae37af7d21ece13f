using System.Text.Json;
using System.Text.Json.Nodes;

namespace Marrow.Tokenizers;

/// <summary>tokenizer.json as LLaMA 2's: byte-pair merges over characters, spaces written as U+2581.</summary>
internal static class TokenizerJson
{
    /// <exception cref="CheckpointException">The file is damaged, or of a kind that is not supported.</exception>
    public static Vocabulary Read(string path)
    {
        try
        {
            return Parse(path, JsonNode.Parse(File.ReadAllBytes(path))!);
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or FormatException
            or NullReferenceException or ArgumentException)
        {
            // JsonNode's answers to a value that is missing or of another type than asked for.
            throw new CheckpointException(
                path, $"it is not a tokenizer in Hugging Face's format ({error.Message})", "fetch it again", error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(path, $"it cannot be read ({error.Message})", "check its permissions", error);
        }
    }

    private static Vocabulary Parse(string path, JsonNode root)
    {
        var model = root["model"]!;
        if (Type(model) != "BPE") throw Unsupported(path, $"a model of type {Type(model)}");
        if (root["pre_tokenizer"] is { } splitter) throw Unsupported(path, $"a pre-tokenizer of type {Type(splitter)}");
        foreach (var name in (string[])["dropout", "continuing_subword_prefix", "end_of_word_suffix"])
            if (model[name] is { } value && value.ToString() is not ("" or "0"))
                throw Unsupported(path, $"a model with {name}");
        if (model["ignore_merges"]?.GetValue<bool>() == true) throw Unsupported(path, "a model with ignore_merges");

        var ids = model["vocab"]!.AsObject().ToDictionary(entry => entry.Key, entry => entry.Value!.GetValue<int>());
        var added = root["added_tokens"]!.AsArray();
        foreach (var token in added) ids[token!["content"]!.GetValue<string>()] = token["id"]!.GetValue<int>();
        var pieces = new string[ids.Count];
        foreach (var (piece, id) in ids)
        {
            if ((uint)id >= pieces.Length)
                throw Unsupported(path, "a vocabulary with gaps");
            pieces[id] = piece;
        }

        var merges = model["merges"]!.AsArray()
            .Select((merge, rank) => (Pair: Pair(merge!), Rank: rank))
            .ToDictionary(merge => merge.Pair, merge => merge.Rank);
        var unknown = ids[model["unk_token"]!.GetValue<string>()];
        var vocabulary = new Vocabulary(
            pieces,
            (pair, split) => merges.TryGetValue((new(pair[..split]), new(pair[split..])), out var rank) ? rank : null,
            added
                .Where(token => token!["special"]!.GetValue<bool>())
                .Select(token => token!["id"]!.GetValue<int>())
                .Where(id => id != unknown))
        {
            ByteFallback = model["byte_fallback"]?.GetValue<bool>() == true,
            AddPrefix = AddsPrefix(path, root["normalizer"]),
            Unknown = unknown,
            UnknownText = pieces[unknown],
            Begin = Special(path, ids, "<s>"),
            End = Special(path, ids, "</s>"),
        };
        if (vocabulary.ByteFallback && !vocabulary.HasAllBytes)
            throw Unsupported(path, "byte fallback without all 256 bytes");
        return vocabulary;
    }

    /// <summary>
    /// Accepts the one normalization that LLaMA's files have: spaces replaced, with or without one in front.
    /// </summary>
    private static bool AddsPrefix(string path, JsonNode? normalizer)
    {
        var steps = normalizer is null ? [] : Type(normalizer) == "Sequence"
            ? normalizer["normalizers"]!.AsArray().ToArray() : [normalizer];
        var marker = SentencePieceTokenizer.Space.ToString();
        var prefix = steps is [{ } first, ..] && Type(first) == "Prepend"
            && first["prepend"]!.GetValue<string>() == marker;
        var rest = prefix ? steps[1..] : steps;
        if (rest is not [{ } replace] || Type(replace) != "Replace"
            || replace["content"]!.GetValue<string>() != marker ||
            replace["pattern"]!["String"]?.GetValue<string>() != " ")
            throw Unsupported(path, $"the normalizer {normalizer?.ToJsonString() ?? "null"}");
        return prefix;
    }

    /// <summary>A merge is written as "a b" or, by newer versions, as ["a", "b"].</summary>
    private static (string Left, string Right) Pair(JsonNode merge) =>
        (merge is JsonArray pair ? [.. pair.Select(part => part!.GetValue<string>())]
            : merge.GetValue<string>().Split(' ')) is [var left, var right]
            ? (left, right) : throw new FormatException("a merge is not a pair");

    private static string Type(JsonNode node) => node["type"]?.GetValue<string>() ?? "unknown";

    private static int Special(string path, Dictionary<string, int> ids, string name) =>
        ids.TryGetValue(name, out var id) ? id : throw Unsupported(path, $"no token {name}");

    private static CheckpointException Unsupported(string path, string what) =>
        new(path, $"it has {what}, which is not supported",
        "put the tokenizer.model of the same model beside it, or tokenize outside");
}
