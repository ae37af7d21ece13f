using System.Text.Json;
using System.Text.Json.Nodes;
using Marrow.Checkpoints;
using static TorchSharp.torch;

namespace Marrow.Tests.Families;

/// <summary>
/// A small model of a family, as families.json has it: its config.json, the names and shapes of its tensors, ids, and
/// the logits that transformers' own layers (5.0, eager attention, float32) give for the weights of
/// <see cref="Values"/>.
/// </summary>
internal sealed class FamilyCase
{
    private static readonly Dictionary<string, JsonObject> All = Load();

    private readonly JsonObject json;

    private FamilyCase(JsonObject json) => this.json = json;

    public static IEnumerable<string> Names => All.Keys;

    public JsonObject Config => json["config"]!.AsObject();

    public long[] Ids => [.. json["ids"]!.AsArray().Select(id => (long)id!)];

    public IEnumerable<string> TensorNames => json["tensors"]!.AsObject().Select(pair => pair.Key);

    public static FamilyCase Of(string name) => new(All[name]);

    /// <summary>Writes the checkpoint into a folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="rename">What becomes of the tensors' names.</param>
    /// <param name="more">Other tensors in the file.</param>
    public void Write(
        string folder, Func<string, string>? rename = null, IReadOnlyList<(string Name, Tensor Value)>? more = null)
    {
        using var scope = NewDisposeScope();
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "config.json"), Config.ToJsonString());
        var tensors = json["tensors"]!.AsObject().Select((pair, number) => (
            rename?.Invoke(pair.Key) ?? pair.Key,
            Values(pair.Key, [.. pair.Value!.AsArray().Select(size => (long)size!)], number)));
        SafetensorsWriter.Write(Path.Combine(folder, "model.safetensors"), tensors.Concat(more ?? []));
    }

    /// <summary>Largest difference of logits [tokens, vocabulary] to the published ones.</summary>
    public double Difference(Tensor logits) => json["logits"]!.AsArray().Max(entry =>
    {
        var expected = tensor([.. entry!["values"]!.AsArray().Select(value => (double)value!)]);
        return (logits[(long)entry["position"]!] - expected).abs().max().item<double>();
    });

    /// <summary>Values from a hash of their place, so that no weights need be kept.</summary>
    private Tensor Values(string name, long[] shape, int number)
    {
        var values = new float[shape.Aggregate(1L, (a, b) => a * b)];
        var isNorm = name.Contains("norm") || name.Contains(".ln_");
        var isZeroCentered = ((string)Config["model_type"]!).StartsWith("gemma", StringComparison.Ordinal);
        var center = shape.Length == 1 && isNorm && !isZeroCentered && !name.EndsWith("bias") ? 1 : 0;
        var width = shape.Length == 1 ? 1
            : name.Contains("embed") || name.Contains("wte") || name.Contains("wpe") ? 2
            : 6 / Math.Sqrt(shape.Max());
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = (float)((Hash((uint)i, (uint)number) * width) + center);
        }

        return tensor(values).view(shape);
    }

    /// <summary>−0.5 to 0.5.</summary>
    private static double Hash(uint place, uint number)
    {
        var x = unchecked((place * 2654435761) + (number * 40503) + 12345);
        x ^= x >> 16;
        x = unchecked(x * 2246822519);
        x ^= x >> 13;
        x = unchecked(x * 3266489917);
        x ^= x >> 16;
        return (x / 4294967296.0) - 0.5;
    }

    private static Dictionary<string, JsonObject> Load()
    {
        using var file = typeof(FamilyCase).Assembly.GetManifestResourceStream("families.json")!;
        return JsonSerializer.Deserialize<JsonArray>(file)!
            .ToDictionary(entry => (string)entry!["name"]!, entry => entry!.AsObject());
    }
}
