using Marrow.Adapters;
using Marrow.Layers;
using Marrow.Models;
using static TorchSharp.torch;

namespace Marrow;

/// <summary>What can be done with the adapters of a generated model.</summary>
public static class AdapterOperations
{
    /// <summary>The adapters' parameters, which an optimizer should train; empty if the model has no adapter.</summary>
    public static AdapterParameterList AdapterParameters(this IModel model) =>
        new(model.AdaptedLayers().Select(pair => pair.Layer));

    /// <summary>
    /// Initializes adapters that depend on the base (PiSSA, OLoRA, DoRA's lengths) from its present weights. Building
    /// and <c>LoadPretrained</c> do it; call it when the base was filled otherwise. LoRA-GA needs gradients: <see
    /// cref="LoraGaInitialization.StartLoraGa"/>.
    /// </summary>
    public static void StartAdapters(this IModel model)
    {
        foreach (var (_, layer) in model.AdaptedLayers())
        {
            layer.Adaptation.Initialize();
        }
    }

    /// <summary>
    /// Folds every adapter into its weight, so that the model runs at the plain model's speed. The original weights
    /// are kept, which costs their memory again. Either all layers are merged or none.
    /// </summary>
    /// <exception cref="InvalidOperationException">
    /// A merged weight would not be finite; the message names the layer.
    /// </exception>
    public static void Merge(this IModel model)
    {
        var adapters = model.AdaptedLayers()
            .Select(pair => pair.Layer.Adaptation)
            .Where(adapter => !adapter.IsMerged)
            .ToList();
        var merged = new List<Tensor>();
        try
        {
            foreach (var adapter in adapters)
            {
                merged.Add(adapter.Merged.Compute());
            }
        }
        catch
        {
            merged.ForEach(weight => weight.Dispose());
            throw;
        }

        // A head that shares an adapted embedding's weight goes on with the weight as it was.
        model.Untie(model.Module.modules().OfType<TiedLinear>().Where(head => head.Embedding is IAdaptedLayer));
        foreach (var (adapter, weight) in adapters.Zip(merged))
        {
            adapter.Merged.Commit(weight);
            weight.Dispose();
        }
    }

    /// <summary>Puts the original weights back, bit for bit. Without effect on a model that is not merged.</summary>
    public static void Unmerge(this IModel model)
    {
        foreach (var (_, layer) in model.AdaptedLayers())
        {
            layer.Adaptation.Merged.Undo();
        }
    }

    /// <summary>
    /// Switches the adapters off, merged or not: the model is the base model until the result is disposed.
    /// </summary>
    public static IDisposable DisableAdapters(this IModel model)
    {
        var adapters = model.AdaptedLayers()
            .Select(pair => pair.Layer.Adaptation)
            .Where(adapter => adapter.IsEnabled)
            .ToList();
        adapters.ForEach(adapter => adapter.IsEnabled = false);
        return new Enabling(adapters);
    }

    private sealed class Enabling(List<Adaptation> adapters) : IDisposable
    {
        public void Dispose() => adapters.ForEach(adapter => adapter.IsEnabled = true);
    }
}
