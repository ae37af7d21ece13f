using System.Globalization;
using System.Text.RegularExpressions;
using Marrow.Adapters;
using Marrow.Models;
using Marrow.Quantization.Layers;
using static TorchSharp.torch;

namespace Marrow;

/// <summary>What a model is at the moment, in words.</summary>
public static partial class SummaryOperations
{
    /// <summary>
    /// The model's parameters, and a table of its layers as they are now: adapters that were loaded, weights that are
    /// packed, what is frozen. Layers that differ in their number alone share a row. <c>Plan</c> of the class says what
    /// is to be, without a model.
    /// </summary>
    public static string Summary(this IModel model)
    {
        var tensors = Tensors(model).ToLookup(tensor => tensor.Owner);
        var rows = InOrder(model.Module)
            .Where(tensors.Contains)
            .Select(layer => Row(layer, [.. tensors[layer]]))
            .GroupBy(row => row)
            .Select(group => (string[])
            [
                group.Key.Name, group.Key.Kind, group.Key.Shape, group.Key.Method, Number(group.Count()),
                Number(group.Key.Parameters), Number(group.Key.Trainable),
            ])
            .Prepend(["layer", "kind", "shape", "method", "layers", "parameters of one", "trainable"])
            .ToList();
        return model.State.Describe() + Environment.NewLine + TextTable.Of(rows, words: 4);
    }

    /// <summary>Modules in the order in which they are declared, each before those that it holds.</summary>
    private static IEnumerable<nn.Module> InOrder(nn.Module module) =>
        module.named_children().SelectMany(child => InOrder(child.module)).Prepend(module);

    private static IEnumerable<StateTensor> Tensors(IModel model) =>
        StateTensor.Of(model).Where(tensor => !tensor.IsBuffer);

    private static (string Name, string Kind, string Shape, string Method, long Parameters, long Trainable) Row(
        nn.Module layer, List<StateTensor> tensors)
    {
        var first = tensors.Find(tensor => !tensor.IsOfAdapter) ?? tensors[0];
        var name = first.Name[..Math.Max(0, first.Name.Length - first.Key.Length - 1)];
        return (
            LayerNumber().Replace(name, "*"),
            Kind(layer),
            layer is Linear linear
                ? $"{linear.InFeatures} → {linear.OutFeatures}"
                : string.Join(" × ", first.Value.shape),
            string.Join("; ", Methods(layer)),
            Count(tensors),
            Count(tensors.Where(tensor => tensor.Value.requires_grad)));
    }

    /// <summary>The kind by which a layer is declared, not the class that was emitted for it.</summary>
    private static string Kind(nn.Module layer) => layer switch
    {
        Linear => nameof(Linear),
        Embedding => nameof(Embedding),
        Conv2d => nameof(Conv2d),
        _ => layer.GetType().Name,
    };

    private static IEnumerable<string> Methods(nn.Module layer)
    {
        if (layer is IAdaptedLayer { Adaptation: var adapter })
        {
            yield return $"{adapter.Settings}{(adapter.IsMerged ? ", merged" : adapter.IsEnabled ? "" : ", off")}";
        }

        if (layer is IQuantizedLayer { Settings: var quantizer })
        {
            yield return $"{quantizer}";
        }
    }

    private static long Count(IEnumerable<StateTensor> tensors) => tensors.Sum(tensor => tensor.Value.numel());

    private static string Number(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    [GeneratedRegex(@"(?<=^|\.)\d+(?=\.|$)")]
    private static partial Regex LayerNumber();
}
