using System.Text.Json;
using System.Text.Json.Nodes;

namespace Marrow.Tokenizers;

/// <summary>
/// vocab.json with merges.txt, the older form of GPT-2's byte-level byte-pair encoding: made into the tokenizer.json
/// that says the same. Without other files, names of special tokens in a text are ordinary text.
/// </summary>
internal static class Gpt2Files
{
    /// <exception cref="CheckpointException">A file is damaged, or they are of another tokenizer.</exception>
    public static Tokenizer Read(string vocabularyPath, TokenizerFolder folder)
    {
        // Others with the same two files cut texts in another way, which only their tokenizer.json says.
        if (folder.Class is { } name && !name.StartsWith("GPT2", StringComparison.Ordinal))
        {
            throw new CheckpointException(
                vocabularyPath,
                $"it is of a {CheckpointException.Quote(name)}, of which vocab.json and merges.txt do not say all",
                "fetch the model's tokenizer.json too");
        }

        var vocabulary = TokenizerJson.Parse(vocabularyPath);
        if (vocabulary.ValueKind != JsonValueKind.Object)
        {
            throw TokenizerJson.Damaged(vocabularyPath, "it is not an object of ids");
        }

        int? IdOf(string token) =>
            vocabulary.TryGetProperty(token, out var id) && id.ValueKind == JsonValueKind.Number ? id.GetInt32() : null;
        static JsonObject ByteLevel() => new()
        {
            ["type"] = "ByteLevel",
            ["add_prefix_space"] = false,
            ["trim_offsets"] = true,
            ["use_regex"] = true,
        };
        var json = new JsonObject
        {
            ["version"] = "1.0",
            ["added_tokens"] = new JsonArray([.. folder.Added(IdOf).Select(token => new JsonObject
            {
                ["id"] = token.Id,
                ["content"] = token.Content,
                ["single_word"] = false,
                ["lstrip"] = token.StripsLeft,
                ["rstrip"] = token.StripsRight,
                ["normalized"] = false,
                ["special"] = token.IsSpecial,
            })]),
            ["pre_tokenizer"] = ByteLevel(),
            ["decoder"] = ByteLevel(),
            ["model"] = new JsonObject
            {
                ["type"] = "BPE",
                ["vocab"] = JsonObject.Create(vocabulary),
                ["merges"] = Merges(Path.Combine(Path.GetDirectoryName(vocabularyPath)!, "merges.txt")),
            },
        };
        return HuggingFaceTokenizer.Read(
            TokenizerJson.From(vocabularyPath, JsonElement.Parse(json.ToJsonString())), folder);
    }

    private static JsonArray Merges(string path)
    {
        try
        {
            var pairs = new JsonArray();
            foreach (var (number, line) in File.ReadLines(path).Index())
            {
                if (line.Length == 0 || (number == 0 && line.StartsWith("#version", StringComparison.Ordinal)))
                {
                    continue;
                }

                pairs.Add(line.Split(' ') is [var left, var right]
                    ? new JsonArray(left, right)
                    : throw new CheckpointException(
                        path, $"line {number + 1} is not a pair of tokens", "fetch it again"));
            }

            return pairs;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(path, $"it cannot be read ({fault.Message})", "check its permissions", fault);
        }
    }
}
