using System.Text.Json.Nodes;
using Marrow.CompilerServices;
using Marrow.Checkpoints;
using Marrow.Checkpoints.Gguf;
using Marrow.Models;
using Marrow.Operations;
using Marrow.Tokenizers;
using static TorchSharp.torch;

namespace Marrow;

/// <summary>
/// Language models and their adapters as GGUF files, which llama.cpp and what is built on it run. A GGUF model is read
/// by <see cref="CheckpointOperations.LoadPretrained"/>.
/// </summary>
public static class GgufExport
{
    /// <summary>
    /// Saves a model's weights, sizes and tokenizer. Merged adapters are part of the weights; others are left out. A
    /// weight that is quantized to 2 or 3 bits has its levels in the file, which <see cref="GgufType.Q4_0"/> holds up
    /// to the rounding of the scale.
    /// </summary>
    /// <param name="model">The model: of the family of Llama, Mistral, Qwen, Gemma, Phi-3 or GPT-2.</param>
    /// <param name="path">The file; it keeps its old content if anything fails.</param>
    /// <param name="type">How matrices are stored; vectors always have 32 bits.</param>
    /// <param name="tokenizer">
    /// The folder of the tokenizer; null: the one that the weights were loaded from, if it has one.
    /// </param>
    /// <exception cref="CheckpointException">The file cannot be written, or GGUF cannot state the model; the message
    /// names what.</exception>
    public static void SaveGguf(
        this IModel model, string path, GgufType type = GgufType.F16, string? tokenizer = null) => Guard(path, () =>
    {
        var config = Configuration(model);
        var family = GgufArchitecture.Of(config);
        var sizes = new GgufSizes(family, config);
        var quantized = model.QuantizedWeights().ToDictionary(weight => weight.Name);
        if (quantized.Values.FirstOrDefault(weight => weight.Settings.Activations > 0) is { } active)
        {
            throw new NotSupportedException(
                $"'{active.Name}' quantizes its input too, which GGUF cannot state; its weights alone could be");
        }

        var tensors = CheckpointOperations.Tensors(model, path, isPlain: true)
            .Select(tensor => Tensor(tensor, family, sizes, quantized.GetValueOrDefault(tensor.Name), type))
            .ToList();
        if (sizes.RopeFactors() is { } factors)
        {
            tensors.Add(new(
                "rope_freqs.weight", [factors.Length], GgufType.F32, () => tensor(factors)));
        }

        var folder = tokenizer ?? model.State.BasePath;
        GgufWriter.Write(
            path,
            [
                ("general.architecture", family.Name),
                ("general.name", Path.GetFileNameWithoutExtension(path)),
                ("general.file_type", FileType(type)),
                ("general.quantization_version", 2u),
                .. sizes.Metadata(),
                .. folder is not null && Directory.Exists(folder) ? GgufTokenizer.Metadata(folder, config)
                    : [("tokenizer.ggml.model", "none")],
            ],
            tensors);
    });

    /// <summary>
    /// Saves a model's adapters as a LoRA file, which llama.cpp puts on the base's GGUF file. LoRA, rsLoRA, PiSSA,
    /// OLoRA and LoRA-GA are one, of twice the rank where they took something out of the base; Bone's free and mini
    /// forms are one whose A tiles the input.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="path">The file; it keeps its old content if anything fails.</param>
    /// <exception cref="CheckpointException">
    /// The file cannot be written, or an adapter has no low rank or does not belong to a linear layer.
    /// </exception>
    public static void SaveGgufAdapter(this IModel model, string path) => Guard(path, () =>
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var config = Configuration(model);
        var family = GgufArchitecture.Of(config);
        var sizes = new GgufSizes(family, config);
        var tensors = new List<GgufTensor>();
        foreach (var (name, layer) in model.AdaptedLayers())
        {
            var settings = layer.Adaptation.Settings;
            var (a, b) = (layer as AdaptedLinear)?.LowRank() ?? throw new NotSupportedException(
                $"the adapter of '{name}' ({settings}) is no low-rank one of a linear layer; merge it, and save the "
                + "model with SaveGguf");
            var stored = Stored(family, name + ".weight");
            var turned = family.ToGguf(name + ".weight", b, (sizes.Heads, sizes.KeyHeads));
            tensors.Add(new($"{stored}.lora_a", a.shape, GgufType.F32, () => a));
            tensors.Add(new($"{stored}.lora_b", b.shape, GgufType.F32, () => turned * a.size(0)));
        }

        if (tensors.Count == 0)
        {
            throw new NotSupportedException($"{model.GetType().Name} has no adapter");
        }

        // llama.cpp scales by alpha over the rank; the adapters' own scales are in B.
        GgufWriter.Write(
            path,
            [
                ("general.type", "adapter"),
                ("general.architecture", family.Name),
                ("general.name", Path.GetFileNameWithoutExtension(path)),
                ("general.file_type", FileType(GgufType.F32)),
                ("adapter.type", "lora"),
                ("adapter.lora.alpha", 1f),
            ],
            tensors);
    });

    private static JsonObject Configuration(IModel model) =>
        LoadedConfiguration.Of(model, ScalarType.Float32) ?? throw new NotSupportedException(
            $"{model.GetType().Name} has no config.json, whose sizes GGUF states; implement IPretrained, or load its "
            + "weights from a folder that has one");

    private static GgufTensor Tensor(
        PendingTensor tensor, GgufArchitecture family, GgufSizes sizes, QuantizedWeight? quantized, GgufType type)
    {
        var (name, shape) = (tensor.Name, family.Shape(tensor.Name, tensor.Shape));
        var isMatrix = shape.Count > 1 && !name.Contains("norm", StringComparison.Ordinal);
        var stored = !isMatrix ? GgufType.F32
            : shape[^1] % GgufBlocks.Weights(type) == 0 ? type
            : GgufType.F16;
        return new(Stored(family, name), shape, stored, () => family.ToGguf(
            name,
            (quantized?.Quantized() ?? tensor.Values()).to(ScalarType.Float32),
            (sizes.Heads, sizes.KeyHeads)));
    }

    private static string Stored(GgufArchitecture family, string name) => family.Stored(name)
        ?? throw new NotSupportedException($"llama.cpp's {family.Name} has nothing like '{name}'");

    private static uint FileType(GgufType type) => type switch
    {
        GgufType.Q8_0 => 7,
        GgufType.BF16 => 32,
        var other => (uint)other,
    };

    private static void Guard(string path, Action save)
    {
        try
        {
            save();
        }
        catch (NotSupportedException fault)
        {
            throw new CheckpointException(
                path, $"it was not written: {fault.Message}", "save the model with SavePretrained otherwise", fault);
        }
    }
}
