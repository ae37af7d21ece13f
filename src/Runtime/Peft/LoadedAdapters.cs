using Marrow.Adapters;
using Marrow.Adapters.Peft;
using Marrow.Layers;
using Marrow.Models;
using Marrow.Shared;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Marrow.Peft;

/// <summary>
/// Adapters of models whose class has none: the layers that an adapter_config.json means become adapted ones over the
/// weights that are there, of the classes that an attribute would have emitted.
/// </summary>
internal static class LoadedAdapters
{
    /// <summary>Adapts a plain model as a folder says, with its weights.</summary>
    /// <param name="model">The model; it stays as it was if anything is wrong.</param>
    /// <param name="directory">The folder.</param>
    /// <param name="file">Its configuration.</param>
    /// <exception cref="CheckpointException">
    /// The folder cannot be read, does not fit the model, or says what Marrow has not; the message names it.
    /// </exception>
    public static void Load(IModel model, string directory, PeftConfiguration file)
    {
        var (found, bias) = (Find(model, file), file.Guard(config => config.Bias));
        var layers = found
            .Select(layer => KeyValuePair.Create(layer.Plain, layer.Adapted))
            .Concat(file.Guard(config => TrainedHeads(model, config).ToList()))
            .DistinctBy(pair => pair.Key)
            .ToDictionary(pair => pair.Key, pair => pair.Value);
        var exchange = new ModuleExchange(model.Module);
        var before = model.Module.parameters().Select(value => (value, value.requires_grad)).ToList();
        exchange.Replace(layers);
        try
        {
            model.State.Biases = bias;
            model.FreezeBase(file.Guard(
                config => Trained(model, config).Select(tensor => (Parameter)tensor.Value).ToList()));
            using var weights = PeftWeights.Open(model, directory, file.KeepsTies);
            foreach (var layer in layers.Values.OfType<AdaptedLinear>())
            {
                layer.Adaptation.Initialize();
            }

            weights.CopyInto();
        }
        catch
        {
            exchange.Replace(layers.ToDictionary(pair => pair.Value, pair => pair.Key));
            model.State.Biases = AdapterBias.None;
            before.ForEach(pair => pair.value.requires_grad = pair.requires_grad);
            throw;
        }
    }

    /// <summary>The layers that a file means.</summary>
    /// <exception cref="CheckpointException">It means none, or one that cannot be adapted so.</exception>
    public static IReadOnlyList<LoadedAdapter> Find(IModel model, PeftConfiguration file)
    {
        var (layers, faults) = Look(model, file);
        return faults.Count == 0 ? layers : throw file.Fault(
            CheckpointException.Join(faults),
            faults.All(fault => fault.EndsWith(PeftConfiguration.NotSupported, StringComparison.Ordinal))
                ? "merge it in PEFT, and load the merged model"
                : $"load it into the model that it was trained on, not {model.GetType().Name}");
    }

    /// <summary>The same, with what cannot be done beside it; no layer without a fault.</summary>
    /// <exception cref="CheckpointException">A field is not what it should be.</exception>
    public static (IReadOnlyList<LoadedAdapter> Layers, IReadOnlyList<string> Faults) Look(
        IModel model, PeftConfiguration file) => file.Guard(config => Targets(model, config));

    /// <summary>The tensors of the modules that a file trains whole.</summary>
    public static IEnumerable<StateTensor> Trained(IModel model, PeftConfiguration file)
    {
        var stored = new PeftNames(model).All.ToDictionary(pair => pair.Own, pair => pair.Stored);
        return
            from tensor in StateTensor.Of(model)
            where !tensor.IsBuffer
            let name = stored.GetValueOrDefault(tensor.Name, tensor.Name)
            where IsTrained(PeftNames.Around(name), file)
            select tensor;
    }

    /// <summary>Whether a file trains a head apart from the embedding whose weight it shares.</summary>
    public static bool Unties(IModel model, PeftConfiguration file, string name, TiedLinear head) =>
        !file.KeepsTies && (IsTrained(name, file) || IsTrained(Table(model, head), file));

    private static (List<LoadedAdapter> Layers, List<string> Faults) Targets(IModel model, PeftConfiguration file)
    {
        var names = new PeftNames(model);
        var (targets, layers, faults) = (file.Targets, new List<LoadedAdapter>(), new List<string>());
        foreach (var (own, module) in model.Module.named_modules())
        {
            var isWhole = names.TryLayer(own, out var layer);
            var isMeant = targets.Mean(layer, module is Linear { IsHead: false } and not TiedLinear)
                || (file.KeepsTies && module is TiedLinear head && targets.Mean(Table(model, head), false));
            if (!isMeant
                || (module is not TiedLinear && !module.parameters(recurse: false).Any()))
            {
                continue;
            }

            var settings = AdapterLayers.Settings(file, layer);
            try
            {
                if ((isWhole || module is TiedLinear) && AdapterLayers.Over(module, settings) is { } adapted)
                {
                    layers.Add(new(own, module, adapted));
                }
                else
                {
                    faults.Add($"it adapts '{layer}', {Words(module, settings, isWhole)}");
                }
            }
            catch (ArgumentException fault)
            {
                faults.Add(fault.Message.TrimEnd('.'));
            }
        }

        faults.AddRange(layers.Count > 0
            ? file.UnsupportedFields(layers[0].Settings.UnsupportedPeftFields)
            : faults.Count > 0 ? [] : ["it means no layer of the model"]);
        return (layers, faults);
    }

    private static string Words(nn.Module module, AdapterSettings settings, bool isWhole) =>
        !isWhole ? "which is a part of another layer in checkpoints"
        : module is Embedding or Conv2d ? $"which {settings} cannot adapt"
        : $"which is a {module.GetType().Name} and cannot be adapted";

    /// <summary>
    /// The heads that share an embedding's weight where only one of the two is trained, or both are, but apart; each
    /// with a layer that has a copy of the weight.
    /// </summary>
    private static IEnumerable<KeyValuePair<nn.Module, nn.Module>> TrainedHeads(IModel model, PeftConfiguration file)
    {
        return model.Module.named_modules()
            .Where(pair => pair.module is TiedLinear head && Unties(model, file, pair.name, head))
            .Select(pair => KeyValuePair.Create(pair.module, (nn.Module)TiedHeads.Untied((TiedLinear)pair.module)));
    }

    /// <summary>PEFT's name of the embedding whose weight a head shares.</summary>
    private static string Table(IModel model, TiedLinear head) =>
        new PeftNames(model).Layer(model.Module.named_modules().First(pair => pair.module == head.Embedding).name);

    private static bool IsTrained(string module, PeftConfiguration file) =>
        LayerTargets.Around(module).Any(around =>
            file.TrainedModules.Any(ending => PeftTargets.IsNamed(around, ending)));
}

/// <summary>A layer of a plain model that a folder adapts.</summary>
/// <param name="Name">Its name in the model.</param>
/// <param name="Plain">The layer.</param>
/// <param name="Adapted">The adapted one that takes its place.</param>
internal sealed record LoadedAdapter(string Name, nn.Module Plain, nn.Module Adapted)
{
    /// <summary>Its adapter's.</summary>
    public AdapterSettings Settings => ((IAdaptedLayer)Adapted).Adaptation.Settings;
}
