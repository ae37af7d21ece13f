using Marrow.Models;
using static TorchSharp.torch;

namespace Marrow;

/// <summary>
/// Several adapters on one base. A model has one adapter in use, "default" at first; others of the same kind and sizes
/// wait beside it under their names. Training, saving, loading and merging mean the one in use.
/// </summary>
public static class NamedAdapters
{
    /// <summary>The names of all adapters, the one in use first.</summary>
    public static IReadOnlyList<string> AdapterNames(this IModel model) =>
        model.AdaptedLayers().Select(pair => pair.Layer).FirstOrDefault() is { } layer
            ? [layer.Slots.InUse, .. layer.Slots.Waiting] : [];

    /// <summary>Adds an adapter with fresh starting values, which waits until it is used.</summary>
    /// <param name="model">The model.</param>
    /// <param name="name">A name that no adapter has.</param>
    /// <exception cref="ArgumentException">The name is taken.</exception>
    /// <exception cref="InvalidOperationException">The model has no adapter, or one that was taken out of the
    /// base.</exception>
    public static void AddAdapter(this IModel model, string name)
    {
        var layers = Layers(model);
        RequireAddable(model, name, layers);
        layers.ForEach(layer => layer.AddWaiting(name));
    }

    /// <summary>Puts an adapter into use in place of the present one, which waits from now on.</summary>
    /// <exception cref="ArgumentException">There is no adapter of this name.</exception>
    /// <exception cref="InvalidOperationException">The present one is merged.</exception>
    public static void UseAdapter(this IModel model, string name)
    {
        var layers = Layers(model);
        RequireKnown(model, name);
        if (layers[0].IsMerged)
        {
            throw new InvalidOperationException(
                $"Adapter '{layers[0].Slots.InUse}' is merged into the weights; Unmerge it before using another.");
        }

        if (layers[0].Slots.InUse != name)
        {
            layers.ForEach(layer => layer.Slots.Use(name));
        }
    }

    /// <summary>Forgets an adapter that is not in use.</summary>
    /// <exception cref="ArgumentException">It is in use, or there is none of this name.</exception>
    public static void RemoveAdapter(this IModel model, string name)
    {
        var layers = Layers(model);
        RequireKnown(model, name);
        Require(layers[0].Slots.InUse != name, $"Adapter '{name}' is in use; use another before removing it.");
        layers.ForEach(layer => layer.Slots.Forget(name));
    }

    /// <summary>
    /// Adds an adapter whose change of the weights is the weighted sum of others'. Bone is linear in its blocks, so
    /// theirs is the sum of the blocks; the sum of several B A has a higher rank, and the best one of the class's rank
    /// is taken.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="name">A name that no adapter has.</param>
    /// <param name="parts">Names of adapters with their weights.</param>
    /// <exception cref="ArgumentException">A name is taken or unknown.</exception>
    /// <exception cref="InvalidOperationException">The adapters are DoRA's, whose lengths do not add up.</exception>
    public static void CombineAdapters(
        this IModel model, string name, params IReadOnlyList<(string Name, double Weight)> parts)
    {
        var layers = Layers(model);
        Require(parts.Count > 0, "CombineAdapters needs at least one adapter.");
        foreach (var (part, _) in parts)
        {
            RequireKnown(model, part);
        }

        RequireAddable(model, name, layers);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var sums = layers
            .Select(layer => layer.Settings.Combine([.. parts.Select(part => (layer.Slots[part.Name], part.Weight))]))
            .ToList();
        foreach (var (layer, sum) in layers.Zip(sums))
        {
            layer.AddWaiting(name);
            foreach (var (parameter, value) in layer.Slots[name])
            {
                value.copy_(sum[parameter]);
            }
        }
    }

    private static List<AdaptedLinear> Layers(IModel model)
    {
        var layers = model.AdaptedLayers().Select(pair => pair.Layer).ToList();
        return layers.Count > 0
            ? layers
            : throw new InvalidOperationException($"{model.GetType().Name} has no adapter.");
    }

    private static void RequireAddable(IModel model, string name, List<AdaptedLinear> layers)
    {
        Require(
            !model.AdapterNames().Contains(name),
            $"There is an adapter '{name}' already; adapters are {Names(model)}.");
        if (TrainedModules.Names(model) is [var trained, ..])
        {
            throw new InvalidOperationException(
                $"Layer '{trained}' is trained whole, and there is one of it for all adapters; save this adapter, and "
                + "load the other one into a model of its own.");
        }

        if (layers.FirstOrDefault(layer => layer.Factors is not null) is { } initialized)
        {
            throw new InvalidOperationException(
                $"The adapter of layer '{initialized.LayerName}' was taken out of the base, and others would miss that "
                + "part; save it with SaveAdapterAsLora and load it into a [Lora] class.");
        }
    }

    private static void RequireKnown(IModel model, string name) =>
        Require(model.AdapterNames().Contains(name), $"There is no adapter '{name}'; adapters are {Names(model)}.");

    private static string Names(IModel model) => string.Join(", ", model.AdapterNames().Select(name => $"'{name}'"));

    private static void Require(bool holds, string message)
    {
        if (!holds)
        {
            throw new ArgumentException(message);
        }
    }
}
