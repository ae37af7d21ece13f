using Marrow.Adapters;
using TorchSharp.Modules;

namespace Marrow.Models;

/// <summary>The adapters in a model.</summary>
internal static class ModelAdapters
{
    /// <summary>The adapted layers with their names, the model's own and those of its blocks.</summary>
    internal static IEnumerable<(string Name, IAdaptedLayer Layer)> AdaptedLayers(this IModel model) =>
        from child in model.Module.named_modules()
        where child.module is IAdaptedLayer
        select (child.name, (IAdaptedLayer)child.module);

    /// <summary>Refuses to load into a model whose adapters are merged.</summary>
    /// <exception cref="InvalidOperationException">They are.</exception>
    internal static void RequireUnmerged(this IModel model)
    {
        if (model.AdaptedLayers().Any(pair => pair.Layer.Adaptation.IsMerged))
        {
            throw new InvalidOperationException(
                "The model's adapters are merged into its weights; Unmerge it before loading others.");
        }
    }

    /// <summary>Where there is an adapter, only adapters train, and what is to be trained whole beside them.</summary>
    internal static void FreezeBase(this IModel model, IEnumerable<Parameter> trained)
    {
        var adapters = new AdapterParameterList(model.AdaptedLayers().Select(pair => pair.Layer));
        if (adapters.Count == 0)
        {
            return;
        }

        foreach (var parameter in model.Module.parameters())
        {
            parameter.requires_grad = false;
        }

        foreach (var parameter in adapters.Concat(trained).Concat(TrainedBiases.Of(model).Select(bias => bias.Value)))
        {
            parameter.requires_grad = true;
        }
    }
}
