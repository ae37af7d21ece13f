using Marrow.Adapters;
using Marrow.Checkpoints;
using Marrow.Models;
using Marrow.Operations;
using Marrow.Shared;
using TorchSharp;
using static TorchSharp.torch;

namespace Marrow;

/// <summary>Loading and saving the weights of generated models.</summary>
public static class CheckpointOperations
{
    private const long ShardBytes = 5_000_000_000;

    /// <summary>
    /// Loads the base weights under their public names, which <see cref="CheckpointAttribute"/> and the attributes
    /// beside it say: from a safetensors file or a PyTorch checkpoint (.pth, .bin), of which nothing is executed, or
    /// from a folder as Hugging Face's libraries write it (config.json, if the architecture knows it, one file or
    /// shards with an index). A config.json beside a single file counts too. Every name and shape is checked before the
    /// first weight is changed. Adapters that depend on the base are initialized from it now; others stay as they are.
    /// </summary>
    /// <param name="model">The model; one on the meta device gets its weights on <paramref name="device"/>.</param>
    /// <param name="path">File or folder.</param>
    /// <param name="device">Where to put the weights of a meta model; the CPU if null.</param>
    /// <param name="newHead">
    /// Whether the layers that are marked by <c>[Head]</c> keep what they start with, to be trained anew; the
    /// checkpoint may have heads of any size, or none.
    /// </param>
    /// <param name="note">
    /// Hears, a sentence for each file, what of a PyTorch checkpoint is left aside, such as an optimizer's state.
    /// </param>
    /// <exception cref="CheckpointException">The checkpoint cannot be read or does not fit the model.</exception>
    /// <exception cref="ArgumentException">A new head is asked for, and the model has none.</exception>
    public static void LoadPretrained(
        this IModel model, string path, Device? device = null, bool newHead = false, Action<string>? note = null)
    {
        model.RequireUnmerged();
        if (model.AdaptedLayers().Select(pair => pair.Layer).FirstOrDefault(layer =>
            layer.Adaptation is { IsGiven: true, Settings.DependsOnBase: true }) is { } given)
        {
            throw new InvalidOperationException(
                $"The adapter of layer '{given.LayerName}' was loaded or started for the base that the model has, and "
                + "another base would start it anew; load the base first and the adapter then, or call StartAdapters "
                + "to give the adapter up.");
        }

        OutputFolder.Complete(path);
        var weights = BaseWeight.Of(model);
        if (newHead && !weights.Any(weight => weight.IsOfHead))
        {
            throw new ArgumentException(
                $"{model.GetType().Name} has no layer that is marked by [Head], so none can start anew.",
                nameof(newHead));
        }

        using var checkpoint = Open(model, path, newHead);
        using var sources = CheckpointSources.Find(model, weights, checkpoint, path, newHead);

        using var noGrad = no_grad();
        if (model.Module.parameters().Any(parameter => parameter.device_type == DeviceType.META))
        {
            model.CompleteFromMeta(device ?? CPU);
        }

        foreach (var i in sources.Order)
        {
            using var scope = NewDisposeScope();
            var weight = weights[i];
            if (!sources.Has(i))
            {
                KeepStart(weight, device ?? CPU);
                continue;
            }

            var target = weight.State?.Target(device ?? CPU) ?? sources.Empty(i);

            sources.CopyInto(i, target);

            // A buffer may well hold infinities: masks do.
            if (weight.State?.IsBuffer != true && !target.isfinite().all().item<bool>())
            {
                throw new CheckpointException(
                    path,
                    $"weight {sources.Describe(weight, i)} holds NaN or infinity",
                    "use a sound checkpoint; this model is now partly loaded");
            }

            if (weight.State is null)
            {
                ((Linear)weight.Owner).Pack(target.to(device ?? CPU));
            }
        }

        if (newHead)
        {
            LoadedConfiguration.TakeNewHead(model);
        }

        model.StartAdapters();
        model.State.BasePath = path;
        foreach (var sentence in checkpoint.Notes)
        {
            note?.Invoke(sentence);
        }
    }

    /// <summary>
    /// Saves the model's weights as a folder that loads elsewhere: safetensors under the public names, and config.json
    /// if the architecture has one. A model that was loaded from a folder is saved with the fields of that config.json,
    /// and with its tokenizer and generation files where <paramref name="directory"/> has none. Merged adapters are
    /// part of the weights; others are left out.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="directory">
    /// The folder, created if need be. Weights and config.json are replaced together or not at all; all else stays.
    /// </param>
    /// <exception cref="CheckpointException">
    /// A file cannot be written, or what the model's class says of its checkpoint does not suit its sizes.
    /// </exception>
    public static void SavePretrained(this IModel model, string directory) => FolderUpdate.Write(directory, folder =>
    {
        var weights = Tensors(model, directory);
        SafetensorsWriter.WriteSharded(folder, directory, weights, ShardBytes);
        LoadedConfiguration.Write(
            model, folder, directory, weights.Select(weight => weight.Type).FirstOrDefault(ScalarType.Float32));
    });

    /// <summary>Checks what <see cref="LoadPretrained"/> checks before it changes a weight.</summary>
    /// <exception cref="CheckpointException">The checkpoint cannot be read or does not fit the model.</exception>
    internal static void RequirePretrained(this IModel model, string path)
    {
        using var checkpoint = Open(model, path, newHead: false);
        CheckpointSources.Find(model, BaseWeight.Of(model), checkpoint, path, newHead: false).Dispose();
    }

    /// <summary>The tensors of a model's checkpoint.</summary>
    /// <param name="model">The model.</param>
    /// <param name="path">Where they are to go, for messages.</param>
    /// <param name="isPlain">Without what quantizers learned.</param>
    internal static IReadOnlyList<PendingTensor> Tensors(IModel model, string path, bool isPlain = false)
    {
        var weights = BaseWeight.Of(model);
        var layout = new CheckpointLayout(model, weights, path);
        return
        [
            .. from tensor in layout.Tensors
               where !isPlain || !layout.In(tensor).All(weight => weight.IsOptional)
               select Pending(layout, tensor, weights),
        ];
    }

    /// <summary>Opens a checkpoint whose configuration and names are the model's.</summary>
    private static CheckpointReader Open(IModel model, string path, bool newHead)
    {
        LoadedConfiguration.Take(model, path, newHead);
        var checkpoint = CheckpointReader.Open(path);
        model.State.Format = (model as ICheckpointFormats)?.FormatOf([.. checkpoint.Tensors.Keys]);
        return checkpoint;
    }

    /// <summary>
    /// A quantizer's steps start from the first input, a new head as it did; on the meta device it has yet to.
    /// </summary>
    private static void KeepStart(BaseWeight weight, Device device)
    {
        var (isMeta, target) = (weight.IsMeta, weight.State?.Target(device));
        if (isMeta && target is not null && !weight.IsOptional)
        {
            var bound = 1 / Math.Sqrt(((Linear)weight.Owner).InFeatures);
            target.uniform_(-bound, bound);
        }
    }

    /// <summary>A tensor of a checkpoint, made of the model's weights when it is written.</summary>
    private static PendingTensor Pending(
        CheckpointLayout layout, StoredTensor tensor, IReadOnlyList<BaseWeight> weights)
    {
        var first = weights[tensor.Rows[0].Tensor];
        var isMeta = layout.In(tensor).Any(weight => weight.IsMeta);
        return new(tensor.Name, first.Type, layout.ShapeOf(tensor), isMeta, () =>
        {
            if (layout.IsOneWeight(tensor))
            {
                return first.Value();
            }

            var value = cat(
                [.. tensor.Rows.Select(rows => weights[rows.Tensor].Value().narrow(0, rows.First, rows.Count))]);
            return layout.IsTurned(tensor) ? value.t() : value;
        });
    }

    /// <summary>What a checkpoint does not hold: tables are computed, adapters start as they would have.</summary>
    private static void CompleteFromMeta(this IModel model, Device device)
    {
        foreach (var module in model.Module.modules().Prepend(model.Module))
        {
            (module as IModel)?.State.FillTables(device);
            (module as IAdaptedLayer)?.Adaptation.Materialize(device);
        }
    }
}
