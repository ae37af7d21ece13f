using Marrow.Adapters;
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
        model.AdaptedLayers().Select(pair => pair.Layer.Adaptation.Slots).FirstOrDefault() is { } slots
            ? [slots.InUse, .. slots.Waiting] : [];

    /// <summary>Adds an adapter with fresh starting values, which waits until it is used.</summary>
    /// <param name="model">The model.</param>
    /// <param name="name">A name that no adapter has.</param>
    /// <exception cref="ArgumentException">The name is taken.</exception>
    /// <exception cref="InvalidOperationException">The model has no adapter, or one that was taken out of the
    /// base.</exception>
    public static void AddAdapter(this IModel model, string name)
    {
        var adapters = Adapters(model);
        RequireAddable(model, name, adapters);
        adapters.ForEach(adapter => adapter.AddWaiting(name));
    }

    /// <summary>Puts an adapter into use in place of the present one, which waits from now on.</summary>
    /// <exception cref="ArgumentException">There is no adapter of this name.</exception>
    /// <exception cref="InvalidOperationException">The present one is merged.</exception>
    public static void UseAdapter(this IModel model, string name)
    {
        var adapters = Adapters(model);
        RequireKnown(model, name);
        if (adapters[0].IsMerged)
        {
            throw new InvalidOperationException(
                $"Adapter '{adapters[0].Slots.InUse}' is merged into the weights; Unmerge it before using another.");
        }

        if (adapters[0].Slots.InUse != name)
        {
            adapters.ForEach(adapter => adapter.Slots.Use(name));
        }
    }

    /// <summary>Forgets an adapter that is not in use.</summary>
    /// <exception cref="ArgumentException">It is in use, or there is none of this name.</exception>
    public static void RemoveAdapter(this IModel model, string name)
    {
        var adapters = Adapters(model);
        RequireKnown(model, name);
        Require(adapters[0].Slots.InUse != name, $"Adapter '{name}' is in use; use another before removing it.");
        adapters.ForEach(adapter => adapter.Slots.Forget(name));
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
        var adapters = Adapters(model);
        Require(parts.Count > 0, "CombineAdapters needs at least one adapter.");
        foreach (var (part, _) in parts)
        {
            RequireKnown(model, part);
        }

        RequireAddable(model, name, adapters);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var sums = adapters
            .Select(adapter => adapter.Settings.Combine(
                [.. parts.Select(part => (adapter.Slots[part.Name], part.Weight))]))
            .ToList();
        foreach (var (adapter, sum) in adapters.Zip(sums))
        {
            adapter.AddWaiting(name);
            foreach (var (parameter, value) in adapter.Slots[name])
            {
                value.copy_(sum[parameter]);
            }
        }
    }

    private static List<Adaptation> Adapters(IModel model)
    {
        var adapters = model.AdaptedLayers().Select(pair => pair.Layer.Adaptation).ToList();
        return adapters.Count > 0
            ? adapters
            : throw new InvalidOperationException($"{model.GetType().Name} has no adapter.");
    }

    private static void RequireAddable(
        IModel model, string name, List<Adaptation> adapters)
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

        if (adapters.Exists(adapter => adapter.Factors is not null))
        {
            var (layer, _) = model.AdaptedLayers().First(pair => pair.Layer.Adaptation.Factors is not null);
            throw new InvalidOperationException(
                $"The adapter of layer '{layer}' was taken out of the base, and others would miss that "
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
