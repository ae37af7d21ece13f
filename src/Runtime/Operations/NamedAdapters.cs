using static TorchSharp.torch;

namespace Marrow;

/// <summary>
/// Several adapters on one base. A model has one adapter in use, "default" at first; others of the same kind and sizes wait
/// beside it under their names. Training, saving, loading and merging mean the one in use.
/// </summary>
public static class NamedAdapters
{
    /// <summary>The names of all adapters, the one in use first.</summary>
    public static IReadOnlyList<string> AdapterNames(this IModel model) =>
        model.AdaptedLayers().Select(pair => pair.Layer).FirstOrDefault() is { } layer ? [layer.AdapterName, .. layer.WaitingAdapters] : [];

    /// <summary>Adds an adapter with fresh starting values, which waits until it is used.</summary>
    /// <param name="model">The model.</param>
    /// <param name="name">A name that no adapter has.</param>
    /// <exception cref="ArgumentException">The name is taken.</exception>
    /// <exception cref="InvalidOperationException">The model has no adapter, or one whose start changed the base.</exception>
    public static void AddAdapter(this IModel model, string name)
    {
        var layers = Layers(model);
        Require(!model.AdapterNames().Contains(name), $"There is an adapter '{name}' already; adapters are {Names(model)}.");
        if (layers.FirstOrDefault(layer => layer.StartFactors is not null) is { } started)
        {
            throw new InvalidOperationException(
                $"The start of layer '{started.LayerName}' took a part out of the base, which other adapters would miss; save it with SaveAdapterAsLora and load it into a [Lora] class.");
        }

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
            throw new InvalidOperationException($"Adapter '{layers[0].AdapterName}' is merged into the weights; Unmerge it before using another.");
        }

        if (layers[0].AdapterName != name)
        {
            layers.ForEach(layer => layer.Use(name));
        }
    }

    /// <summary>Forgets an adapter that is not in use.</summary>
    /// <exception cref="ArgumentException">It is in use, or there is none of this name.</exception>
    public static void RemoveAdapter(this IModel model, string name)
    {
        var layers = Layers(model);
        RequireKnown(model, name);
        Require(layers[0].AdapterName != name, $"Adapter '{name}' is in use; use another before removing it.");
        layers.ForEach(layer => layer.Forget(name));
    }

    /// <summary>
    /// Adds an adapter whose change of the weights is the weighted sum of others'. Bone is linear in its blocks, so theirs is
    /// the sum of the blocks; the sum of several B A has a higher rank, and the best one of the class's rank is taken.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="name">A name that no adapter has.</param>
    /// <param name="parts">Names of adapters with their weights.</param>
    /// <exception cref="ArgumentException">A name is taken or unknown.</exception>
    /// <exception cref="InvalidOperationException">The adapters are DoRA's, whose lengths do not add up.</exception>
    public static void CombineAdapters(this IModel model, string name, params IReadOnlyList<(string Name, double Weight)> parts)
    {
        var layers = Layers(model);
        Require(parts.Count > 0, "CombineAdapters needs at least one adapter.");
        foreach (var (part, _) in parts)
        {
            RequireKnown(model, part);
        }

        if (layers.Any(layer => layer.Settings is LoraSettings { IsDora: true }))
        {
            throw new InvalidOperationException("DoRA divides by the lengths of the changed rows, so its adapters have no weighted sum; merge one instead.");
        }

        model.AddAdapter(name);
        using var noGrad = no_grad();
        foreach (var layer in layers)
        {
            using var scope = NewDisposeScope();
            var given = parts.Select(part => (Values: layer.ValuesOf(part.Name), part.Weight)).ToList();
            var target = layer.ValuesOf(name);
            if (layer.Settings is LoraSettings lora)
            {
                var (a, b) = LowRankSum([.. given.Select(part => (part.Values["lora_A"], part.Values["lora_B"] * part.Weight))], lora.Rank);
                target["lora_A"].copy_(a);
                target["lora_B"].copy_(b);
                continue;
            }

            foreach (var (parameter, value) in target)
            {
                value.zero_();
                given.ForEach(part => value.add_(part.Values[parameter], alpha: part.Weight));
            }
        }
    }

    /// <summary>The best A and B of a rank for Σ B A: orthonormal bases of all B's columns and all A's rows, and an SVD between them.</summary>
    private static (Tensor A, Tensor B) LowRankSum(IReadOnlyList<(Tensor A, Tensor B)> terms, long rank)
    {
        var (columns, r) = linalg.qr(cat([.. terms.Select(term => term.B)], 1));
        var (rows, l) = linalg.qr(cat([.. terms.Select(term => term.A)], 0).t());
        var (u, s, vt) = linalg.svd(r.mm(l.t()), fullMatrices: false);
        var root = s.narrow(0, 0, rank).sqrt();
        return (root.unsqueeze(1) * vt.narrow(0, 0, rank).mm(rows.t()), columns.mm(u.narrow(1, 0, rank)) * root);
    }

    private static List<AdaptedLinear> Layers(IModel model)
    {
        var layers = model.AdaptedLayers().Select(pair => pair.Layer).ToList();
        return layers.Count > 0 ? layers : throw new InvalidOperationException($"{model.GetType().Name} has no adapter.");
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
