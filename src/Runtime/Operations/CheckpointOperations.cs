using System.Text.Json;
using Marrow.Checkpoints;
using Marrow.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Marrow;

/// <summary>Loading and saving the weights of generated models.</summary>
public static class CheckpointOperations
{
    private const long ShardBytes = 5_000_000_000;

    /// <summary>
    /// Loads the base weights from safetensors under their public names: a file, or a folder as Hugging Face's
    /// libraries write it (config.json, if the architecture knows it, one file or shards with an index). Every name and
    /// shape is checked before the first weight is changed. Adapters that depend on the base are initialized from it
    /// now; others stay as they are.
    /// </summary>
    /// <param name="model">The model; one on the meta device gets its weights on <paramref name="device"/>.</param>
    /// <param name="path">File or folder.</param>
    /// <param name="device">Where to put the weights of a meta model; the CPU if null.</param>
    /// <exception cref="CheckpointException">The checkpoint cannot be read or does not fit the model.</exception>
    public static void LoadPretrained(this IModel model, string path, Device? device = null)
    {
        if (model.AdaptedLayers().Any(pair => pair.Layer.IsMerged))
        {
            throw new InvalidOperationException(
                "The model's adapters are merged into its weights; Unmerge it before loading others.");
        }

        CheckConfiguration(model, path);
        using var checkpoint = CheckpointReader.Open(path);
        var weights = model.BaseWeights().ToList();
        var packed = model.PackedBases().ToList();
        var sources = Sources(model, checkpoint, weights, packed, path);

        using var noGrad = no_grad();
        if (model.Module.parameters().Any(parameter => parameter.device_type == DeviceType.META))
        {
            model.CompleteFromMeta(device ?? CPU);
        }

        foreach (var weight in weights)
        {
            using var scope = NewDisposeScope();
            var target = weight.Target(device ?? CPU);
            if (!sources.TryGetValue(weight.Name, out var source))
            {
                continue; // a quantizer's steps start from the first input
            }

            if (source.Name == weight.Name)
            {
                checkpoint.CopyInto(weight.Name, target);
            }
            else
            {
                var whole = empty([.. checkpoint.Tensors[source.Name].Shape], dtype: target.dtype);
                checkpoint.CopyInto(source.Name, whole);
                target.copy_(whole.narrow(0, source.FirstRow, target.shape[0]));
            }

            // A buffer may well hold infinities: masks do.
            if (!weight.IsBuffer && !target.isfinite().all().item<bool>())
            {
                throw new CheckpointException(
                    path,
                    $"weight '{weight.Name}' holds NaN or infinity",
                    "use a sound checkpoint; this model is now partly loaded");
            }
        }

        foreach (var (name, layer) in packed)
        {
            using var scope = NewDisposeScope();
            var whole = checkpoint.ReadTensor(name).to(device ?? CPU);
            if (!whole.isfinite().all().item<bool>())
            {
                throw new CheckpointException(
                    path,
                    $"weight '{name}' holds NaN or infinity",
                    "use a sound checkpoint; this model is now partly loaded");
            }

            layer.Pack(whole);
        }

        model.StartAdapters();
        model.State.BasePath = path;
    }

    /// <summary>
    /// Saves the model's weights as a folder that loads elsewhere: safetensors under the public names, and
    /// config.json if the architecture has one. Merged adapters are part of the weights; others are left out.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="directory">The folder; replaced as a whole, and only if everything could be written.</param>
    /// <exception cref="CheckpointException">A file cannot be written.</exception>
    public static void SavePretrained(this IModel model, string directory) =>
        CheckpointException.Guard(directory, () => AtomicDirectory.Write(directory, fresh =>
    {
        using var scope = NewDisposeScope();
        SafetensorsWriter.WriteSharded(
            fresh,
            [
                .. model.BaseWeights().Select(weight => (
                    weight.Name,
                    weight is { Owner: AdaptedLinear { IsMerged: false } layer, Key: "weight" }
                        ? layer.BaseWeight()
                        : weight.Value)),
                .. model.PackedBases().Select(found => (found.Name, found.Layer.UnpackedBase())),
            ],
            ShardBytes);
        if (model is IPretrained pretrained)
        {
            File.WriteAllText(
                Path.Combine(fresh, "config.json"),
                pretrained.Configuration().ToJsonString(new JsonSerializerOptions { WriteIndented = true }) + "\n");
        }
    }));

    /// <summary>The state that is no adapter's, with its public names; weights that are packed are not in it.</summary>
    private static IEnumerable<StateTensor> BaseWeights(this IModel model) => StateTensor.Of(model).Where(tensor =>
        tensor.Owner is not Linear linear
            || (!((linear as AdaptedLinear)?.Adapter.Any(pair => pair.Name == tensor.Key) ?? false)
                && !(linear.HasPackedBase && tensor.Key.StartsWith("weight.", StringComparison.Ordinal))));

    /// <summary>The weights that are packed here and floats in a checkpoint.</summary>
    private static IEnumerable<(string Name, Linear Layer)> PackedBases(this IModel model) =>
        from pair in model.Module.named_modules()
        where pair.module is Linear { HasPackedBase: true }
        select ($"{pair.name}.weight", (Linear)pair.module);

    /// <summary>What a checkpoint does not hold: tables are computed, adapters start as they would have.</summary>
    private static void CompleteFromMeta(this IModel model, Device device)
    {
        foreach (var module in model.Module.modules().Prepend(model.Module))
        {
            (module as IModel)?.State.FillTables(device);
            (module as AdaptedLinear)?.InitializeAdapter(device);
        }
    }

    private static void CheckConfiguration(IModel model, string path)
    {
        var file = Path.Combine(path, "config.json");
        if (model is not IPretrained pretrained || !Directory.Exists(path))
        {
            return;
        }

        if (!File.Exists(file))
        {
            throw new CheckpointException(
                path,
                "the folder has no config.json",
                "name the folder of a Hugging Face model, or a single safetensors file");
        }

        try
        {
            using var json = JsonDocument.Parse(File.ReadAllText(file));
            var faults = pretrained.ConfigurationFaults(json.RootElement).ToList();
            if (faults.Count > 0)
            {
                throw new CheckpointException(
                    file,
                    string.Join("; ", faults),
                    $"use a checkpoint of {model.GetType().Name}'s sizes, or a class with these");
            }
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException or FormatException)
        {
            throw new CheckpointException(
                file,
                $"it is no model configuration ({fault.Message})",
                "use the config.json that came with the weights",
                fault);
        }
    }

    /// <summary>
    /// Where the checkpoint has each weight. One of the plain model has nothing for quantizers, and may have several
    /// weights of a quantized model in one tensor.
    /// </summary>
    private static Dictionary<string, (string Name, long FirstRow)> Sources(
        IModel model,
        CheckpointReader checkpoint,
        List<StateTensor> weights,
        List<(string Name, Linear Layer)> packed,
        string path)
    {
        var sources = new Dictionary<string, (string Name, long FirstRow)>();
        var missing = new List<string>();
        var used = new HashSet<string>();
        foreach (var (name, owner, key, _) in weights)
        {
            var layer = owner as Layer;
            if (checkpoint.Tensors.ContainsKey(name))
            {
                sources.Add(name, (name, 0));
            }
            else if (layer?.SourceOf(key) is { } source
                && checkpoint.Tensors.ContainsKey(Sibling(name, key, source.Source)))
            {
                sources.Add(name, (Sibling(name, key, source.Source), source.FirstRow));
                used.UnionWith(layer.RedundantSources.Select(other => Sibling(name, key, other)));
            }
            else if (layer?.QuantizerParameters.Contains(key) != true)
            {
                missing.Add(name);
            }
        }

        missing.AddRange(packed.Select(found => found.Name).Where(name => !checkpoint.Tensors.ContainsKey(name)));
        used.UnionWith(packed.Select(found => found.Name));
        used.UnionWith(sources.Values.Select(source => source.Name));
        var extra = checkpoint.Tensors.Keys
            .Where(name => !used.Contains(name) && (model as IPretrained)?.IsRedundant(name) != true)
            .ToList();
        if (missing.Count > 0 || extra.Count > 0)
        {
            var faults = new[] { List("it lacks", missing), List("it has beyond the model's weights", extra) }.Where(
                text => text is not null);
            throw new CheckpointException(
                path, string.Join("; ", faults), $"use a checkpoint of {model.GetType().Name}");
        }

        foreach (var (name, _, _, value) in weights.Where(weight => sources.ContainsKey(weight.Name)))
        {
            var source = sources[name];
            var stored = checkpoint.Tensors[source.Name].Shape;
            var isPart = source.Name != name && stored.Count == value.dim()
                && stored[0] >= source.FirstRow + value.shape[0]
                && stored.Skip(1).SequenceEqual(value.shape.Skip(1));
            if (!isPart && !stored.SequenceEqual(value.shape))
            {
                throw WrongShape(source.Name, stored, value.shape);
            }
        }

        foreach (var (name, layer) in packed)
        {
            var stored = checkpoint.Tensors[name].Shape;
            if (!stored.SequenceEqual([layer.OutFeatures, layer.InFeatures]))
            {
                throw WrongShape(name, stored, [layer.OutFeatures, layer.InFeatures]);
            }
        }

        return sources;

        CheckpointException WrongShape(string name, IReadOnlyList<long> stored, long[] wanted) => new(
            path,
            $"'{name}' is [{string.Join(", ", stored)}], but the model's is [{string.Join(", ", wanted)}]",
            $"use a checkpoint of {model.GetType().Name}'s sizes");
    }

    /// <summary>The name of another tensor of the same layer.</summary>
    private static string Sibling(string name, string key, string other) => name[..^key.Length] + other;

    private static string? List(string what, List<string> names) => names.Count switch
    {
        0 => null,
        <= 3 => $"{what} {string.Join(", ", names.Select(name => $"'{name}'"))}",
        _ => $"{what} {string.Join(", ", names.Take(3).Select(name => $"'{name}'"))} and {names.Count - 3} more",
    };
}
