using System.Globalization;
using Marrow.Checkpoints;
using Marrow.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Marrow;

/// <summary>Quantized models as integers: one safetensors file, and models for inference that run from it.</summary>
public static class ExportOperations
{
    private const string ModelKey = "marrow.model", BitsKey = "marrow.bits.", SignedKey = "marrow.signed.";
    private const string WordsSuffix = ".words", ScaleSuffix = ".scale";

    /// <summary>
    /// Writes the model for inference: each quantized weight as packed words (<c>….words</c>, int32) and the scale of
    /// each row (<c>….scale</c>), everything else as it is, adapters over a packed base among it. What treatments of
    /// oscillation hold is part of the levels.
    /// </summary>
    /// <param name="model">A model with quantized layers.</param>
    /// <param name="path">The file; it keeps its old content if anything fails.</param>
    /// <exception cref="CheckpointException">
    /// The model has no quantized layers, or the file cannot be written.
    /// </exception>
    public static void Export(this IModel model, string path)
    {
        using var scope = NewDisposeScope();
        var tensors = new List<(string, Tensor)>();
        var metadata = new Dictionary<string, string> { ["format"] = "pt", [ModelKey] = model.GetType().Name };
        foreach (var weight in model.QuantizedWeights())
        {
            var packed = weight.Pack();
            metadata.Add(
                BitsKey + weight.Name,
                packed.Bits.ToString(CultureInfo.InvariantCulture) + (packed.IsOdd ? " odd" : ""));
            tensors.Add((weight.Name + WordsSuffix, packed.Words));
            tensors.Add((weight.Name + ScaleSuffix, packed.Scale));
        }

        foreach (var convolution in model.Module.modules().OfType<LsqConv2d>())
        {
            metadata.Add(SignedKey + convolution.LayerName, convolution.IsSigned ? "true" : "false");
        }

        if (tensors.Count == 0 && !model.Module.modules().Any(module => module is Linear { HasPackedBase: true }))
        {
            throw new CheckpointException(
                path,
                $"{model.GetType().Name} has no quantized layer to export",
                "annotate it with [Quantize], or use SavePretrained");
        }

        tensors.AddRange(model.Kept().Select(kept => (kept.Name, kept.Value)));
        SafetensorsWriter.Write(path, tensors, metadata);
    }

    /// <summary>
    /// Makes a model that <see cref="Export"/> wrote one for inference: it computes from packed weights what the
    /// trained model computes in evaluation, and has no latent weights any more.
    /// </summary>
    /// <param name="model">
    /// A new model of the same class and sizes; on the meta device no latent weight is ever made.
    /// </param>
    /// <param name="path">The file.</param>
    /// <param name="device">
    /// Where to put it; where the model is, or the CPU for one on the meta device, if null.
    /// </param>
    /// <exception cref="CheckpointException">
    /// The file cannot be read or is another model's; the model is unchanged.
    /// </exception>
    public static void LoadExport(this IModel model, string path, Device? device = null)
    {
        var place = PlaceOf(model);
        using var noGrad = no_grad();
        using var file = SafetensorsFile.Open(path);
        var weights = model.QuantizedWeights().ToList();
        var kept = model.Kept().ToList();
        Check(model, file, weights, kept);

        var packed = weights.ToDictionary(weight => weight.Name, weight => Read(file, weight, place));
        foreach (var layer in model.Module.modules().OfType<Layer>().Where(layer => layer.LatentParameters.Count > 0))
        {
            layer.UsePacked(packed);
            if (layer is LsqConv2d convolution)
            {
                convolution.IsSigned = file.Metadata.GetValueOrDefault(SignedKey + layer.LayerName) == "true";
            }
        }

        foreach (var tensor in kept)
        {
            file.CopyInto(tensor.Name, tensor.Target(place));
        }

        foreach (var module in model.Module.modules().Prepend(model.Module).OfType<IModel>())
        {
            module.State.FillTables(place);
        }

        foreach (var (_, parameter) in model.Module.named_parameters())
        {
            parameter.requires_grad_(false);
        }

        model.Module.eval();
        if (device is not null)
        {
            model.Module.to(device);
        }
    }

    /// <summary>Where a model is, or, if that is nowhere, the CPU.</summary>
    private static Device PlaceOf(IModel model) =>
        model.Module.parameters().FirstOrDefault()?.device is { type: not DeviceType.META } there ? there : CPU;

    private static void Check(
        IModel model,
        SafetensorsFile file,
        List<QuantizedWeight> weights,
        List<StateTensor> kept)
    {
        var shapes = new Dictionary<string, long[]>();
        foreach (var weight in weights)
        {
            shapes.Add(
                weight.Name + WordsSuffix,
                [weight.Size.Out, PackedWeight.RowWords(weight.Size.In, weight.Settings.Bits)]);
            shapes.Add(weight.Name + ScaleSuffix, [weight.Size.Out]);
        }

        foreach (var tensor in kept)
        {
            shapes.Add(tensor.Name, tensor.Value.shape);
        }

        var faults = shapes
            .Where(pair => !file.Tensors.TryGetValue(pair.Key, out var info) || !info.Shape.SequenceEqual(pair.Value))
            .Select(pair =>
            {
                var found = file.Tensors.TryGetValue(pair.Key, out var info)
                    ? $"[{string.Join(", ", info.Shape)}]"
                    : "missing";
                return $"'{pair.Key}' is {found}, wanted [{string.Join(", ", pair.Value)}]";
            })
            .Concat(file.Tensors.Keys.Where(name => !shapes.ContainsKey(name)).Select(name => $"'{name}' is unknown"))
            .Concat(weights
                .Where(weight => file.Metadata.GetValueOrDefault(BitsKey + weight.Name) != Words(weight))
                .Select(weight =>
                    $"'{weight.Name}' has {file.Metadata.GetValueOrDefault(BitsKey + weight.Name) ?? "no"} bits, "
                    + $"wanted {Words(weight)}"))
            .ToList();
        if (faults.Count > 0)
        {
            throw new CheckpointException(
                file.Path,
                CheckpointException.Join(faults),
                $"use a file that {model.GetType().Name} exported");
        }
    }

    private static string Words(QuantizedWeight weight) =>
        weight.Settings.Bits.ToString(CultureInfo.InvariantCulture) + (weight.IsOdd ? " odd" : "");

    private static PackedWeight Read(SafetensorsFile file, QuantizedWeight weight, Device device) => new(
        file.ReadTensor(weight.Name + WordsSuffix).Send(device),
        file.ReadTensor(weight.Name + ScaleSuffix).Send(device),
        weight.Size.In,
        weight.Settings.Bits,
        weight.IsOdd);

    /// <summary>What of the state stays as it is.</summary>
    private static IEnumerable<StateTensor> Kept(this IModel model) =>
        StateTensor.Of(model).Where(tensor => (tensor.Owner as Layer)?.LatentParameters.Contains(tensor.Key) != true);
}
