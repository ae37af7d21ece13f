using Marrow.Adapters;
using Marrow.Adapters.LowRank;
using Marrow.Models;
using static TorchSharp.torch;

namespace Marrow;

/// <summary>
/// The initialization of LoRA-GA (arXiv 2407.05000), which needs gradients of the loss by the frozen weights.
/// </summary>
public static class LoraGaInitialization
{
    private const long DefaultBytes = 1L << 30;

    /// <summary>
    /// Initializes the adapters of every layer with <c>Init = LoraInit.LoraGa</c> from the mean gradient over some
    /// batches. A gradient is as large as its weight, so only a group of layers is looked at in one run over the
    /// batches, and its gradients are reduced to A and B before the next; the groups are as large as the memory allowed
    /// for them.
    /// </summary>
    /// <param name="model">The model, with its base loaded.</param>
    /// <param name="batches">How many batches there are.</param>
    /// <param name="loss">The loss of a batch, counted from 0: the same at every call with the same number.</param>
    /// <param name="options">The method's options; PEFT's defaults if null.</param>
    /// <param name="gradientBytes">
    /// The most bytes of gradients held at a time; one layer's at least. 1 GiB if not given.
    /// </param>
    /// <exception cref="InvalidOperationException">No layer is initialized this way, adapters are merged, or a gradient
    /// is not finite.</exception>
    public static void StartLoraGa(
        this IModel model, int batches, Func<int, Tensor> loss, LoraGaOptions? options = null,
            long gradientBytes = DefaultBytes)
    {
        var layers = model.AdaptedLayers()
            .Select(pair => pair.Layer)
            .OfType<AdaptedLinear>()
            .Where(layer => layer.Settings is LoraSettings { Init: LoraInit.LoraGa })
            .ToList();
        Require(
            layers.Count > 0,
            $"{model.GetType().Name} has no layer with [Lora(Init = LoraInit.LoraGa)]; annotate it so, or leave this "
            + "call out.");
        Require(batches > 0, "StartLoraGa needs at least one batch.");
        Require(
            !layers.Any(layer => layer.IsMerged),
            "The model's adapters are merged into its weights; Unmerge it before initializing them.");
        Require(
            !layers.Any(layer => layer.HasPackedBase),
            "LoRA-GA takes its first factors out of a float weight; this base is packed. Use Init = LoraInit.Pissa, "
            + "whose factors are taken out before packing.");

        using var outer = NewDisposeScope();
        var factors = new List<(AdaptedLinear Layer, Tensor A, Tensor B)>();
        foreach (var group in Groups(layers, gradientBytes))
        {
            using var scope = NewDisposeScope();
            foreach (var (layer, gradient) in Collect(group, batches, loss))
            {
                Require(
                    gradient.isfinite().all().item<bool>(),
                    $"The gradient of layer '{layer.LayerName}' holds NaN or infinity; no adapter was initialized. "
                    + "Check the batches and the base.");
                var settings = (LoraSettings)layer.Settings;
                var (a, b) = LowRankInitialization.LoraGa(
                    layer.Adaptation.BaseWeight(),
                    gradient.div_(batches),
                    settings.Rank,
                    settings.Scale,
                    options ?? new());
                factors.Add((layer, a.MoveToOuterDisposeScope(), b.MoveToOuterDisposeScope()));
            }
        }

        foreach (var (layer, a, b) in factors)
        {
            layer.Adaptation.Initialize(LoraSettings.Factors((a, b)));
        }
    }

    private static IEnumerable<List<AdaptedLinear>> Groups(List<AdaptedLinear> layers, long bytes)
    {
        var group = new List<AdaptedLinear>();
        var held = 0L;
        foreach (var layer in layers)
        {
            var size = layer.InFeatures * layer.OutFeatures * layer.Weight.element_size();
            if (group.Count > 0 && held + size > bytes)
            {
                yield return group;
                (group, held) = ([], 0);
            }

            group.Add(layer);
            held += size;
        }

        yield return group;
    }

    /// <summary>The sum of each layer's gradients over the batches.</summary>
    private static Dictionary<AdaptedLinear, Tensor> Collect(
        List<AdaptedLinear> group, int batches, Func<int, Tensor> loss)
    {
        var sums = group.ToDictionary(layer => layer, layer => zeros_like(layer.Weight));
        var probes = group
            .Select(layer => new WeightGradientProbe(layer, gradient => sums[layer].add_(gradient)))
            .ToList();
        try
        {
            for (var batch = 0; batch < batches; batch++)
            {
                using var scope = NewDisposeScope();
                loss(batch).backward();
            }
        }
        finally
        {
            probes.ForEach(probe => probe.Dispose());
            Autograd.ReturnedGradients.Free();
        }

        return sums;
    }

    private static void Require(bool holds, string message)
    {
        if (!holds)
        {
            throw new InvalidOperationException(message);
        }
    }
}
