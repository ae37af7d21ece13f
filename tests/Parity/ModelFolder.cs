using System.Text.Json;
using Marrow.Models;
using Marrow.Tokenizers;
using static TorchSharp.torch;

namespace Marrow.Parity;

/// <summary>
/// A folder of a Hugging Face language model with expected logits, greedy continuations and encodings.
/// </summary>
internal static class ModelFolder
{
    private static readonly Tolerance LogitTolerance = new(2e-4, 0);

    public static IEnumerable<Comparison> Compare(string directory)
    {
        using var expected = JsonDocument.Parse(File.ReadAllText(Path.Combine(directory, "expected.json")));
        var tokenizer = Tokenizer.Load(directory);
        using var model = CausalModel.Load(directory);
        model.Module.eval();
        foreach (var (number, test) in expected.RootElement.GetProperty("cases").EnumerateArray().Index())
        {
            var (prompt, ids) = (Integers(test.GetProperty("prompt")), Integers(test.GetProperty("ids")));
            yield return Comparison.Exact($"cases[{number}].prompt",
                tokenizer.Encode(test.GetProperty("text").GetString()!, addBegin: true), prompt);
            yield return Comparison.Exact(
                $"cases[{number}].ids", Generation.Continue(model, [prompt], new(ids.Length - prompt.Length))[0], ids);

            using var noGrad = no_grad();
            foreach (var comparison in Logits(
                $"cases[{number}].logits", Run(model, Batch(ids)), test.GetProperty("logits")))
            {
                yield return comparison;
            }
        }

        foreach (var (number, test) in expected.RootElement.GetProperty("tokens").EnumerateArray().Index())
        {
            yield return Comparison.Exact(
                $"tokens[{number}]", tokenizer.Encode(test.GetProperty("text").GetString()!, addBegin: false),
                    Integers(test.GetProperty("ids")));
        }
    }

    public static IEnumerable<Comparison> Logits(string name, Tensor computed, JsonElement expected) =>
        expected.EnumerateArray().Select(entry =>
    {
        var position = entry.GetProperty("position").GetInt64();
        return Comparison.Of($"{name}[{position}]", computed[position], Values(entry), LogitTolerance);
    });

    public static Tensor Run(ICausalModel model, Tensor ids) =>
        ((nn.Module<Tensor, Tensor>)model.Module).call(ids)[0];

    public static Tensor Values(JsonElement entry) =>
        tensor(entry.GetProperty("values").EnumerateArray().Select(value => value.GetSingle()).ToArray());

    public static Tensor Batch(int[] ids) => tensor(ids.Select(id => (long)id).ToArray()).unsqueeze(0);

    public static int[] Integers(JsonElement array) => [.. array.EnumerateArray().Select(id => id.GetInt32())];
}
