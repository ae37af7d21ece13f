using Marrow.Adapters;
using Marrow.Checkpoints;
using Marrow.Layers;
using Marrow.Models;
using static TorchSharp.torch;

namespace Marrow.Peft;

/// <summary>The weights of an adapter's folder, checked against a model.</summary>
internal sealed class PeftWeights : IDisposable
{
    /// <summary>The file's name.</summary>
    public const string FileName = "adapter_model.safetensors";

    private const string FormerFileName = "adapter_model.bin";

    private readonly CheckpointFile file;
    private readonly IReadOnlyList<(string Stored, Tensor Value)> found;

    private PeftWeights(CheckpointFile file, IReadOnlyList<(string Stored, Tensor Value)> found) =>
        (this.file, this.found) = (file, found);

    /// <summary>Opens the file, and compares names and shapes with the model's.</summary>
    /// <exception cref="CheckpointException">It cannot be read, or does not fit.</exception>
    public static PeftWeights Open(IModel model, string directory)
    {
        var path = Path.Combine(directory, FileName);
        var former = Path.Combine(directory, FormerFileName);
        var file = CheckpointFile.Open(!File.Exists(path) && File.Exists(former) ? former : path);
        try
        {
            return new(file, Find(model, file));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>What of a model is in an adapter's file, with its names there.</summary>
    public static IEnumerable<(string Name, Tensor Value)> Of(
        IModel model, PeftNames names, Func<Adaptation, AdapterState> state)
    {
        foreach (var (name, layer) in model.AdaptedLayers())
        {
            var (module, saved) = (names.Layer(name), state(layer.Adaptation));
            foreach (var (key, value) in saved.Values)
            {
                yield return ($"{PeftNames.Prefix}{module}.{saved.Settings.PeftName(key)}", value);
            }
        }

        var trained = TrainedModules.State(model, TrainedModules.Names(model)).ToList();
        foreach (var tensor in trained)
        {
            yield return (PeftNames.Prefix + names.Tensor(tensor.Name), tensor.Value);
        }

        var known = trained.Select(tensor => tensor.Name).ToHashSet();
        foreach (var (tensor, value) in TrainedBiases.Of(model).Where(bias => !known.Contains(bias.Tensor.Name)))
        {
            yield return (Biased(names, tensor)[0], value);
        }
    }

    /// <summary>Copies everything into the model.</summary>
    public void CopyInto()
    {
        using var noGrad = no_grad();
        foreach (var (stored, value) in found)
        {
            file.CopyInto(stored, value);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => file.Dispose();

    private static List<(string Stored, Tensor Value)> Find(IModel model, CheckpointFile file)
    {
        var names = new PeftNames(model);
        var wanted = Wanted(model, names)
            .Select(tensor => (
                Name: tensor.Names[0],
                tensor.Value,
                tensor.IsOptional,
                Stored: tensor.Names.FirstOrDefault(file.Tensors.ContainsKey)))
            .ToList();
        var known = wanted.Select(tensor => tensor.Stored).ToHashSet();
        var faults = wanted
            .Where(tensor => tensor.Stored is null && !tensor.IsOptional)
            .Select(tensor => $"it lacks '{tensor.Name}'")
            .Concat(file.Tensors.Keys
                .Where(name => !known.Contains(name))
                .Select(name => $"it has {CheckpointException.Quote(name)}, which the model has not"))
            .Concat(
                from tensor in wanted
                where tensor.Stored is not null && tensor.Value is not null
                let shape = file.Tensors[tensor.Stored].Shape
                where !shape.SequenceEqual(tensor.Value.shape)
                select $"'{tensor.Name}' is [{string.Join(", ", shape)}], "
                    + $"but the model's is [{string.Join(", ", tensor.Value.shape)}]")
            .ToList();
        if (faults.Count > 0)
        {
            throw new CheckpointException(
                file.Path, CheckpointException.Join(faults), $"use an adapter of {model.GetType().Name}");
        }

        return [.. from tensor in wanted
                   where tensor.Stored is not null && tensor.Value is not null
                   select (tensor.Stored, tensor.Value)];
    }

    /// <summary>The model's tensors with all names that a file may have for them; no value: it is ignored.</summary>
    private static IEnumerable<(string[] Names, Tensor? Value, bool IsOptional)> Wanted(IModel model, PeftNames names)
    {
        foreach (var (name, layer) in model.AdaptedLayers())
        {
            var (module, settings) = (PeftNames.Prefix + names.Layer(name), layer.Adaptation.Settings);
            foreach (var (key, value) in layer.Adaptation.Parameters)
            {
                var former = settings.FormerPeftName(key) ?? settings.PeftName(key);
                yield return ([$"{module}.{settings.PeftName(key)}", $"{module}.{former}"], value, false);
            }
        }

        var trained = TrainedModules.State(model, TrainedModules.Names(model)).ToList();
        foreach (var tensor in trained)
        {
            yield return ([PeftNames.Prefix + names.Tensor(tensor.Name)], tensor.Value, false);
        }

        // Versions of PEFT differ in whether they save them.
        var seen = trained.Select(tensor => tensor.Name).ToHashSet();
        foreach (var (tensor, value) in TrainedBiases.Of(model).Where(bias => seen.Add(bias.Tensor.Name)))
        {
            yield return (Biased(names, tensor), value, true);
        }

        // PEFT saves embeddings and heads too where they are adapted or their vocabulary was changed.
        foreach (var (name, module) in model.Module.named_modules())
        {
            if (module is TiedLinear)
            {
                yield return ([$"{PeftNames.Prefix}{name}.weight"], null, true);
            }
            else if (module is Embedding or Linear { IsHead: true, HasPackedBase: false } && seen.Add($"{name}.weight"))
            {
                var layer = PeftNames.Prefix + names.Layer(name);
                var weight = ((Layer)module).GetParameter("weight");
                yield return ([$"{layer}.weight", $"{layer}.base_layer.weight"], weight, true);
            }
        }
    }

    private static string[] Biased(PeftNames names, StateTensor tensor)
    {
        var name = PeftNames.Prefix + names.Tensor(tensor.Name);
        return tensor.Owner is IAdaptedLayer
            ? [name.Insert(name.LastIndexOf('.') + 1, "base_layer."), name]
            : [name];
    }
}
