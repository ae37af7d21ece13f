using System.Text.Json.Nodes;
using Marrow.Tokenizers;

namespace Marrow.Examples.FineTune.Data;

/// <summary>
/// The tokenizer of the small base: one id per character of the generated problems. It is written as a tokenizer.json
/// without merges, so that the base is an ordinary Hugging Face folder and loads like any other.
/// </summary>
internal static class CharacterTokenizer
{
    private const string Characters = "\n 0123456789+-*=#?.,:abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    private static readonly string[] Special = ["<unk>", "<s>", "</s>"];

    /// <summary>Number of ids.</summary>
    public static int VocabularySize => Special.Length + Characters.Length;

    /// <summary>The content of tokenizer.json.</summary>
    public static string Json { get; } = Content().ToJsonString();

    /// <summary>Writes tokenizer.json into a folder and reads it back.</summary>
    public static Tokenizer Write(string directory)
    {
        AtomicFile.WriteText(Path.Combine(directory, "tokenizer.json"), Json);
        return Tokenizer.Load(directory);
    }

    private static JsonObject Content()
    {
        var ids = Special.Concat(Characters.Select(c => c.ToString())).Index();
        return new()
        {
            ["version"] = "1.0",
            ["added_tokens"] = new JsonArray([.. Special.Index().Select(token => new JsonObject
            {
                ["id"] = token.Index, ["content"] = token.Item, ["single_word"] = false, ["lstrip"] = false,
                ["rstrip"] = false, ["normalized"] = false, ["special"] = true,
            })]),
            ["post_processor"] = new JsonObject
            {
                ["type"] = "TemplateProcessing",
                ["single"] = new JsonArray(
                    new JsonObject { ["SpecialToken"] = new JsonObject { ["id"] = "<s>", ["type_id"] = 0 } },
                    new JsonObject { ["Sequence"] = new JsonObject { ["id"] = "A", ["type_id"] = 0 } }),
                ["pair"] = new JsonArray(),
                ["special_tokens"] = new JsonObject
                {
                    ["<s>"] = new JsonObject
                    {
                        ["id"] = "<s>",
                        ["ids"] = new JsonArray(Array.IndexOf(Special, "<s>")),
                        ["tokens"] = new JsonArray("<s>"),
                    },
                },
            },
            ["decoder"] = new JsonObject { ["type"] = "Fuse" },
            ["model"] = new JsonObject
            {
                ["type"] = "BPE",
                ["unk_token"] = Special[0],
                ["fuse_unk"] = true,
                ["vocab"] = new JsonObject(
                    ids.Select(pair => KeyValuePair.Create<string, JsonNode?>(pair.Item, pair.Index))),
                ["merges"] = new JsonArray(),
            },
        };
    }
}
