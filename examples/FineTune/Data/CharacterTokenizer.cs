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

    /// <summary>Writes tokenizer.json into a folder and reads it back.</summary>
    public static Tokenizer Write(string directory)
    {
        var ids = Special.Concat(Characters.Replace(' ', '▁').Select(c => c.ToString())).Index();
        AtomicFile.WriteText(Path.Combine(directory, "tokenizer.json"), new JsonObject
        {
            ["version"] = "1.0",
            ["added_tokens"] = new JsonArray([.. Special.Index().Select(token => new JsonObject
            {
                ["id"] = token.Index, ["content"] = token.Item, ["single_word"] = false, ["lstrip"] = false,
                ["rstrip"] = false, ["normalized"] = false, ["special"] = true,
            })]),
            ["normalizer"] = new JsonObject
            {
                ["type"] = "Replace",
                ["pattern"] = new JsonObject { ["String"] = " " },
                ["content"] = "▁",
            },
            ["model"] = new JsonObject
            {
                ["type"] = "BPE",
                ["unk_token"] = Special[0],
                ["vocab"] = new JsonObject(
                    ids.Select(pair => KeyValuePair.Create<string, JsonNode?>(pair.Item, pair.Index))),
                ["merges"] = new JsonArray(),
            },
        }.ToJsonString());
        return Tokenizer.Load(directory);
    }
}
