using System.Text.Json;
using Marrow;
using Marrow.Models;
using static TorchSharp.torch;

/// <summary>A model that learns sums while one watches. Delete this file once you have your own.</summary>
internal static class Tiny
{
    private const string Characters = "\n 0123456789+=#?.abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ:'-,";

    /// <summary>Makes the model's folder and a file of problems, where they are not there yet.</summary>
    public static (string Path, string[] Data) Make(string folder)
    {
        var data = Path.Combine(folder, "train.jsonl");
        if (!File.Exists(data))
        {
            manual_seed(1);
            using var model = new Llama(
                Characters.Length + 3, hidden: 64, intermediate: 128, layers: 2, heads: 4, keyValueHeads: 4,
                context: 256);
            model.SavePretrained(folder);
            File.WriteAllText(Path.Combine(folder, "tokenizer.json"), Tokenizer());
            File.WriteAllLines(data, Problems());
        }

        return (folder, [data]);
    }

    private static IEnumerable<string> Problems() =>
        from first in Enumerable.Range(1, 20)
        from second in Enumerable.Range(1, 20)
        select JsonSerializer.Serialize(new
        {
            question = $"What is {first} + {second}?",
            answer = $"{first} + {second} = {first + second}\n#### {first + second}",
        });

    /// <summary>A tokenizer.json with an id for each character.</summary>
    private static string Tokenizer()
    {
        string[] special = ["<unk>", "<s>", "</s>"];
        return JsonSerializer.Serialize(new
        {
            version = "1.0",
            added_tokens = special.Select((content, id) => new
            {
                id, content, single_word = false, lstrip = false, rstrip = false, normalized = false, special = true,
            }),
            decoder = new { type = "Fuse" },
            model = new
            {
                type = "BPE",
                unk_token = "<unk>",
                fuse_unk = true,
                vocab = special.Concat(Characters.Select(character => character.ToString()))
                    .Select((text, id) => (text, id))
                    .ToDictionary(pair => pair.text, pair => pair.id),
                merges = Array.Empty<string>(),
            },
        });
    }
}
