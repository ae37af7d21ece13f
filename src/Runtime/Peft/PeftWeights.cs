using Marrow.Adapters;
using Marrow.Adapters.Peft;
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

    private readonly IModel model;
    private readonly CheckpointFile file;
    private readonly IReadOnlyList<(string Stored, Tensor Value)> found;

    private PeftWeights(IModel model, CheckpointFile file, IReadOnlyList<(string Stored, Tensor Value)> found) =>
        (this.model, this.file, this.found) = (model, file, found);

    /// <summary>Opens the file, and compares names and shapes with the model's.</summary>
    /// <param name="model">The model.</param>
    /// <param name="directory">The adapter's folder.</param>
    /// <param name="keepsTies">Whether a trained embedding was the head's weight too.</param>
    /// <exception cref="CheckpointException">It cannot be read, or does not fit.</exception>
    public static PeftWeights Open(IModel model, string directory, bool keepsTies)
    {
        var file = Open(directory);
        try
        {
            var found = Find(model, file, keepsTies);
            found.ForEach(tensor => file.Require(tensor.Stored, tensor.Value));
            return new(model, file, found);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Opens the file of a folder.</summary>
    /// <exception cref="CheckpointException">It cannot be read.</exception>
    public static CheckpointFile Open(string directory)
    {
        var path = Path.Combine(directory, FileName);
        var former = Path.Combine(directory, FormerFileName);
        return CheckpointFile.Open(!File.Exists(path) && File.Exists(former) ? former : path);
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

        foreach (var (name, layer) in TablesAndHeads(model)
            .Where(pair => model.State.BaseOfAdapter.Contains(pair.Name) && !known.Contains($"{pair.Name}.weight")))
        {
            yield return (FrozenNames(names, name, layer)[0], layer.GetParameter("weight"));
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

        var names = new PeftNames(model);
        model.State.BaseOfAdapter =
        [
            .. from pair in TablesAndHeads(model)
               where FrozenNames(names, pair.Name, pair.Layer).Any(file.Tensors.ContainsKey)
               select pair.Name,
        ];
    }

    /// <inheritdoc/>
    public void Dispose() => file.Dispose();

    private static List<(string Stored, Tensor Value)> Find(IModel model, CheckpointFile file, bool keepsTies)
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
        if (faults.Count == 0)
        {
            RequireSharedHead(model, names, file, keepsTies);
        }

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
        foreach (var (name, _) in model.Module.named_modules().Where(pair => pair.module is TiedLinear))
        {
            yield return ([$"{PeftNames.Prefix}{name}.weight"], null, true);
        }

        foreach (var (name, layer) in TablesAndHeads(model).Where(pair => seen.Add($"{pair.Name}.weight")))
        {
            yield return (FrozenNames(names, name, layer), layer.GetParameter("weight"), true);
        }
    }

    /// <summary>
    /// Refuses a head and an embedding that were trained apart, as PEFT does it even where the model has one weight for
    /// both.
    /// </summary>
    private static void RequireSharedHead(IModel model, PeftNames names, CheckpointFile file, bool keepsTies)
    {
        const string Remedy = "untie the base (tie_word_embeddings false, with a head's weight of its own), or set "
            + $"{PeftConfiguration.TiesField} to true if they were trained as one";
        using var scope = NewDisposeScope();
        foreach (var (name, module) in model.Module.named_modules())
        {
            if (module is not TiedLinear head || head.Weight.device_type == TorchSharp.DeviceType.META)
            {
                continue;
            }

            var own = model.Module.named_modules().First(pair => pair.module == head.Embedding).name;
            var (table, stored) = (PeftNames.Prefix + names.Layer(own), $"{PeftNames.Prefix}{name}.weight");
            var embedding = new[] { $"{table}.weight", $"{table}.base_layer.weight" }
                .FirstOrDefault(file.Tensors.ContainsKey);
            if (file.Tensors.ContainsKey(stored))
            {
                var apart = file.ReadTensor(stored);
                var shared = embedding is null ? head.Weight : file.ReadTensor(embedding);
                if (!apart.shape.SequenceEqual(shared.shape)
                    || !apart.to(head.Weight).eq(shared.to(head.Weight)).all().item<bool>())
                {
                    throw new CheckpointException(
                        file.Path,
                        $"'{stored}' is not the embedding's weight, which the model's head shares",
                        "untie the base (tie_word_embeddings false, with a head's weight of its own)");
                }
            }
            else if (embedding is not null && head.Weight.requires_grad && !keepsTies)
            {
                throw new CheckpointException(
                    file.Path, $"'{embedding}' was trained apart from the head, which shares it in the model", Remedy);
            }
        }
    }

    /// <summary>The embeddings and heads that have a weight of their own.</summary>
    private static IEnumerable<(string Name, Layer Layer)> TablesAndHeads(IModel model) =>
        from pair in model.Module.named_modules()
        where pair.module is Embedding or Linear { IsHead: true, HasPackedBase: false } and not TiedLinear
        select (pair.name, (Layer)pair.module);

    private static string[] FrozenNames(PeftNames names, string name, Layer layer)
    {
        var module = PeftNames.Prefix + names.Layer(name);
        var (plain, inner) = ($"{module}.weight", $"{module}.base_layer.weight");
        return layer is IAdaptedLayer ? [inner, plain] : [plain, inner];
    }

    private static string[] Biased(PeftNames names, StateTensor tensor)
    {
        var name = PeftNames.Prefix + names.Tensor(tensor.Name);
        return tensor.Owner is IAdaptedLayer
            ? [name.Insert(name.LastIndexOf('.') + 1, "base_layer."), name]
            : [name];
    }
}
