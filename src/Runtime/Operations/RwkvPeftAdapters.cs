using Marrow.Adapters;
using Marrow.Checkpoints;
using Marrow.Models;
using TorchSharp.Modules;

namespace Marrow;

/// <summary>
/// Adapters as RWKV-PEFT saves them: a .pth (or safetensors) file with <c>disha</c> for each layer, which is the block
/// of Bone column ("bat", three dimensions) or Bone free ("bone", two), or with <c>lora_A</c> and <c>lora_B</c>. The
/// file says neither rank nor alpha; the model's class does.
/// </summary>
public static class RwkvPeftAdapters
{
    /// <summary>
    /// Loads an adapter file into a model of its kind. Weights that were trained beside the adapters (norms, time
    /// mixing) take the base's place. Everything is checked before the first value is changed.
    /// </summary>
    /// <param name="model">The model, with its base loaded.</param>
    /// <param name="path">The file.</param>
    /// <exception cref="CheckpointException">The file cannot be read or does not fit the model.</exception>
    /// <exception cref="InvalidOperationException">
    /// The adapters are merged, or of a kind that RWKV-PEFT does not have.
    /// </exception>
    public static void LoadRwkvPeftAdapter(this IModel model, string path)
    {
        model.RequireUnmerged();
        var layers = model.AdaptedLayers().ToList();
        var wanted = layers
            .SelectMany(pair => Wanted(pair.Name, pair.Layer.Adaptation))
            .ToDictionary(pair => pair.Name, pair => pair.Value);
        using var file = CheckpointFile.Open(path);
        var weights = model.Module.named_parameters().ToDictionary(pair => pair.name, pair => pair.parameter);
        var faults = wanted.Keys
            .Where(name => !file.Tensors.ContainsKey(name))
            .Select(name => $"it lacks '{name}'")
            .ToList();
        foreach (var (name, info) in file.Tensors)
        {
            var target = wanted.GetValueOrDefault(name) ?? weights.GetValueOrDefault(name);
            if (target is null)
            {
                faults.Add($"it has {CheckpointException.Quote(name)}, which the model has not");
            }
            else if (!info.Shape.SequenceEqual(target.shape))
            {
                faults.Add(
                    $"'{name}' is [{string.Join(", ", info.Shape)}], but the model's is "
                    + $"[{string.Join(", ", target.shape)}]");
            }
        }

        if (faults.Count > 0)
        {
            var own = layers.FirstOrDefault().Layer?.Adaptation.Settings.ToString() ?? "no adapter";
            throw new CheckpointException(
                path,
                CheckpointException.Join(faults),
                $"load it into a class annotated like it; {model.GetType().Name} has {own}");
        }

        foreach (var name in file.Tensors.Keys)
        {
            file.CopyInto(name, wanted.GetValueOrDefault(name) ?? weights[name]);
        }

        layers.ForEach(pair => pair.Layer.Adaptation.IsGiven = true);
    }

    private static IEnumerable<(string Name, Parameter Value)> Wanted(string layer, Adaptation adapter) =>
        adapter.Parameters.Select(pair => (
            $"{layer}.{adapter.Settings.RwkvPeftName(pair.Name) ?? throw NoSuchAdapter(layer, adapter.Settings)}",
            pair.Value));

    private static InvalidOperationException NoSuchAdapter(string layer, AdapterSettings settings) => new(
        $"RWKV-PEFT has no adapter like that of layer '{layer}' ({settings}); its are Bone column, Bone free and "
        + "LoRA.");
}
