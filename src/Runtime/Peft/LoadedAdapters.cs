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
        var (layers, trained, bias) = file.Guard(config =>
            (Targets(model, config), Trained(model, config).ToList(), config.Bias));
        var exchange = new ModuleExchange(model.Module);
        var before = model.Module.parameters().Select(value => (value, value.requires_grad)).ToList();
        exchange.Replace(layers);
        try
        {
            model.State.Biases = bias;
            model.FreezeBase(trained);
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

    /// <summary>The layers that a file means, each with the adapted one that takes its place.</summary>
    private static Dictionary<nn.Module, nn.Module> Targets(IModel model, PeftConfiguration file)
    {
        var names = new PeftNames(model);
        var (targets, layers, faults) = (file.Targets, new Dictionary<nn.Module, nn.Module>(), new List<string>());
        foreach (var (own, module) in model.Module.named_modules())
        {
            var isWhole = names.TryLayer(own, out var layer);
            if (!targets.Mean(layer, module is Linear { IsHead: false } and not TiedLinear)
                || (module is not TiedLinear && !module.parameters(recurse: false).Any()))
            {
                continue;
            }

            var settings = AdapterLayers.Settings(file, layer);
            try
            {
                if (isWhole && AdapterLayers.Over(module, settings) is { } adapted)
                {
                    layers.Add(module, adapted);
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
            ? file.UnsupportedFields(
                ((IAdaptedLayer)layers.Values.First()).Adaptation.Settings.UnsupportedPeftFields)
            : faults.Count > 0 ? [] : ["it means no layer of the model"]);
        return faults.Count == 0
            ? layers
            : throw file.Fault(
                CheckpointException.Join(faults),
                $"load it into the model that it was trained on, not {model.GetType().Name}");
    }

    private static string Words(nn.Module module, AdapterSettings settings, bool isWhole) =>
        module is TiedLinear ? "which shares the weight of an embedding"
        : !isWhole ? "which is a part of another layer in checkpoints"
        : module is Embedding or Conv2d ? $"which {settings} cannot adapt"
        : $"which is a {module.GetType().Name} and cannot be adapted";

    /// <summary>The parameters of the modules that a file trains whole.</summary>
    private static IEnumerable<Parameter> Trained(IModel model, PeftConfiguration file)
    {
        var stored = new PeftNames(model).All.ToDictionary(pair => pair.Own, pair => pair.Stored);
        return
            from tensor in StateTensor.Of(model)
            where !tensor.IsBuffer
            let name = stored.GetValueOrDefault(tensor.Name, tensor.Name)
            where LayerTargets.Around(PeftNames.Around(name)).Any(module =>
                file.TrainedModules.Any(ending => PeftTargets.IsNamed(module, ending)))
            select (Parameter)tensor.Value;
    }
}
