using Marrow.Generators.Declarations;

namespace Marrow.Generators.Resolution;

/// <summary>A row of a model's plan: one layer, or equal layers of repeated blocks.</summary>
/// <param name="Layer">Full name; <c>layers.{0-31}.mlp.up_proj</c> for repeated ones.</param>
/// <param name="Repeat">How many layers; null if known only at run time.</param>
/// <param name="Shape">Shape in words.</param>
/// <param name="Adapter">The adapter in words, or null.</param>
/// <param name="Parameters">Parameters of one layer without adapter; null if known only at run time.</param>
/// <param name="AdapterParameters">Parameters of one layer's adapter; null if known only at run time.</param>
/// <param name="Quantizer">The quantizer in words, or null.</param>
/// <param name="IsTrained">Whether the layer is trained whole where there are adapters.</param>
internal sealed record PlanRow(
    string Layer,
    long? Repeat,
    string Shape,
    string? Adapter,
    long? Parameters,
    long? AdapterParameters,
    string? Quantizer,
    bool IsTrained = false);

/// <summary>Makes the rows of a model's plan.</summary>
internal sealed class PlanTable
{
    // Beyond this many rows the first copy of a block stands for all, as in PlannedModel.
    private const int MostRows = 4096;
    private int count;

    private PlanTable()
    {
    }

    /// <exception cref="OverflowException">A count is larger than a 64-bit integer holds.</exception>
    public static IReadOnlyList<PlanRow> Rows(PlannedModel model) => new PlanTable().Rows(model, "", Placement.None);

    /// <summary>The counts of all rows together; null if one is known only at run time.</summary>
    /// <exception cref="OverflowException">A sum is larger than a 64-bit integer holds.</exception>
    public static (long? Parameters, long? AdapterParameters) Totals(IReadOnlyList<PlanRow> rows) => (
        rows.Aggregate((long?)0, (sum, row) => checked(sum + (row.Parameters * row.Repeat))),
        rows.Aggregate((long?)0, (sum, row) => checked(sum + (row.AdapterParameters * row.Repeat))));

    private IReadOnlyList<PlanRow> Rows(PlannedModel model, string prefix, Placement outer)
    {
        var placement = model.Place(prefix, outer);
        return
        [
            .. model.Layers
                .Where(layer => !layer.Evaluated.IsLeftOut)
                .SelectMany(layer => Copies(layer, prefix, placement).Select(row =>
                    layer.Evaluated.Property.When is null ? row : row with { Repeat = Known(layer, row.Repeat) })),
        ];

        // Whether there is such a layer may be known only at run time.
        static long? Known(PlannedLayer layer, long? repeat) =>
            layer.Evaluated.Property.When!.Value is true ? repeat : null;
    }

    /// <summary>The rows of a layer's copies, with runs of equal copies as one.</summary>
    private IEnumerable<PlanRow> Copies(PlannedLayer layer, string prefix, Placement placement)
    {
        var (name, count) = (layer.NameOf(null), layer.Evaluated.Count);
        if (count is null)
        {
            return Copy(layer, null, prefix, placement).Select(row => row with { Layer = Join(name, row.Layer) });
        }

        // Copies differ by their arguments, or where a pattern or an annotation around them tells their names apart.
        var isUniform = this.count > MostRows || (layer.Copies.Count == 0 && !layer.Evaluated.HasCopyIndex
            && placement.Adapters.All(placed => !placed.Annotation.HasPatterns)
            && placement.Quantizers.All(placed => !placed.Annotation.HasPatterns));
        var indices = isUniform && count.Integer is not 0 ? [0] : PlannedModel.Indices(layer.Evaluated).ToList();
        if (indices.Count == 1)
        {
            var span = count.Integer switch { null => $"{{{count}}}", 1 => "0", var many => $"{{0-{many - 1}}}" };
            return Copy(layer, 0, prefix, placement).Select(row => row with
            {
                Layer = Join($"{name}.{span}", row.Layer),
                Repeat = checked(row.Repeat * count.Integer),
            });
        }

        var copies = indices.Select(index => Copy(layer, index, prefix, placement)).ToList();
        var merged = new List<PlanRow>();
        for (var first = 0; first < copies.Count;)
        {
            var next = first + 1;
            while (next < copies.Count && copies[next].SequenceEqual(copies[first]))
            {
                next++;
            }

            var span = next - first == 1 ? $"{first}" : $"{{{first}-{next - 1}}}";
            var repeat = next - first;
            merged.AddRange(copies[first].Select(row => row with
            {
                Layer = Join($"{name}.{span}", row.Layer),
                Repeat = checked(row.Repeat * repeat),
            }));
            first = next;
        }

        return merged;
    }

    /// <summary>The rows of one copy, named from it.</summary>
    private IReadOnlyList<PlanRow> Copy(PlannedLayer layer, long? index, string prefix, Placement placement)
    {
        var (instance, name) = (layer.At(index), layer.NameOf(index, prefix));
        return instance.Evaluated switch
        {
            AttentionSpec attention => [.. AttentionRows(instance, attention, name, placement)],
            _ when instance.Block is not null => Rows(instance.Copy(index), name + ".", placement),
            DropoutSpec or UnreadableSpec or TorchLayerSpec { ParameterCount: 0 } => [],
            _ => [Row(new LayerInstance(name, instance, placement))],
        };
    }

    /// <summary>The layers of an attention, and what its own quantizers learn.</summary>
    private IEnumerable<PlanRow> AttentionRows(
        PlannedLayer layer, AttentionSpec attention, string name, Placement placement)
    {
        var quantizer = new LayerInstance(name, layer, placement).Quantizer;
        foreach (var row in Rows(layer.Block!, name + ".", placement))
        {
            if (row.Layer == "qkv" && quantizer is { Attention.ReplacesQkv: true })
            {
                var (shape, parameters, words) = quantizer.Attention.Qkv(quantizer, attention);
                yield return row with { Shape = shape, Parameters = parameters, Quantizer = words };
            }
            else
            {
                yield return row;
            }
        }

        if (quantizer is { HasActivations: true })
        {
            yield return new PlanRow(
                "",
                1,
                "steps and shifts",
                null,
                QuantizerCount.Of(quantizer, attention),
                0,
                quantizer.ActivationWords);
        }
    }

    private static string Join(string name, string inside) => inside.Length == 0 ? name : $"{name}.{inside}";

    private PlanRow Row(LayerInstance instance)
    {
        count++;
        var layer = instance.Spec;
        var quantizer = layer is Conv2dSpec && instance.Quantizer is { } written
            ? written with { Weights = written.EndWeights }
            : instance.Quantizer;
        var steps = quantizer is null || instance.Adapter is not null ? 0 : QuantizerCount.Of(quantizer, layer);
        return new PlanRow(
            "",
            1,
            layer.Shape,
            instance.Adapter?.Words,
            checked(layer.ParameterCount + steps),
            instance.Adapter is { } adapter ? adapter.ParameterCount(layer.Matrix.In, layer.Matrix.Out) : 0,
            quantizer?.Words,
            instance.IsTrained);
    }
}
