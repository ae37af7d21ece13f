using Marrow.Generators.Specs;

namespace Marrow.Generators.Planning;

/// <summary>A row of a model's plan: one layer, or equal layers of repeated blocks.</summary>
/// <param name="Layer">Full name; <c>layers.{0-31}.mlp.up_proj</c> for repeated ones.</param>
/// <param name="Repeat">How many layers; null if known only at run time.</param>
/// <param name="Shape">Shape in words.</param>
/// <param name="Adapter">The adapter in words, or null.</param>
/// <param name="Parameters">Parameters of one layer without adapter; null if known only at run time.</param>
/// <param name="AdapterParameters">Parameters of one layer's adapter; null if known only at run time.</param>
/// <param name="Quantizer">The quantizer in words, or null.</param>
internal sealed record PlanRow(
    string Layer, long? Repeat, string Shape, string? Adapter, long? Parameters, long? AdapterParameters, string? Quantizer);

/// <summary>Makes the rows of a model's plan.</summary>
internal static class PlanTable
{
    public static IReadOnlyList<PlanRow> Rows(PlannedModel model) => Rows(model, "", Placement.None);

    private static IReadOnlyList<PlanRow> Rows(
        PlannedModel model, string prefix, Placement outer)
    {
        var rows = new List<PlanRow>();
        var placement = model.Place(prefix, outer);
        foreach (var layer in model.Layers)
        {
            var name = layer.Declared.Property.LayerName;
            if (layer.Block is not null)
            {
                var inner = Repeated(layer, prefix + name, name, placement);
                var leaf = new Leaf(prefix + name, layer, placement);
                rows.AddRange(layer.Evaluated is AttentionSpec attention
                    ? inner.Select(row => row.Layer == $"{name}.qkv" && leaf.IsQkr ? Reparameterised(row, leaf.Quantizer!, attention) : row)
                    : inner);
                if (layer.Evaluated is AttentionSpec itself && leaf.Quantizer is { HasActivations: true } quantizer)
                {
                    rows.Add(new PlanRow(name, 1, "steps and shifts", null, QuantizerCount.Of(quantizer, itself), 0, Activations(quantizer)));
                }
            }
            else if (layer.Evaluated is not (DropoutSpec or UnreadableSpec))
            {
                rows.Add(Row(new Leaf(prefix + name, layer, placement), name));
            }
        }

        return rows;
    }

    /// <summary>The rows of a block's copies, with runs of equal copies as one.</summary>
    private static IEnumerable<PlanRow> Repeated(
        PlannedLayer layer, string path, string name, Placement placement)
    {
        var count = (layer.Evaluated as BlockSpec)?.Count;
        var copies = PlannedModel.Indices(layer.Evaluated)
            .Select(index => (index, rows: Rows(layer.Copy(index), index is null ? path + "." : $"{path}.{index}.", placement)))
            .ToList();
        if (count is null)
        {
            return copies[0].rows.Select(row => row with { Layer = $"{name}.{row.Layer}" });
        }

        if (count.Integer is not { } many || many > copies.Count)
        {
            return copies[0].rows.Select(row => row with
            {
                Layer = $"{name}.{{{(count.Integer is null ? count.ToString() : $"0-{count.Integer - 1}")}}}.{row.Layer}",
                Repeat = row.Repeat * count.Integer,
            });
        }

        var merged = new List<PlanRow>();
        for (var first = 0; first < copies.Count;)
        {
            var next = first + 1;
            while (next < copies.Count && copies[next].rows.SequenceEqual(copies[first].rows))
            {
                next++;
            }

            var span = next - first == 1 ? $"{first}" : $"{{{first}-{next - 1}}}";
            var repeat = next - first;
            merged.AddRange(copies[first].rows.Select(row => row with
            {
                Layer = $"{name}.{span}.{row.Layer}",
                Repeat = row.Repeat * repeat,
            }));
            first = next;
        }

        return merged;
    }

    /// <summary>Queries, keys and values of QKR: three weights, and a bias for the values alone.</summary>
    private static PlanRow Reparameterised(PlanRow qkv, QuantizeSpec quantizer, AttentionSpec attention) => qkv with
    {
        Shape = $"3 × ({attention.Dim} → {attention.Dim}){(attention.QkvBias.Value is true ? ", bias on v" : "")}",
        Parameters = attention.Dim.Integer is { } dim ? (3 * dim * dim) + (attention.QkvBias.Value is true ? dim : 0) : null,
        Quantizer = Words(quantizer) + ", QKR",
    };

    private static PlanRow Row(Leaf leaf, string name)
    {
        var layer = leaf.Layer.Evaluated;
        var adapter = leaf.Adapter;
        var quantizer = layer is Conv2dSpec && leaf.Quantizer is { } written ? written with { Weights = "Lsq" } : leaf.Quantizer;
        return new PlanRow(
            name,
            1,
            Shape(layer),
            adapter is null ? null : Words(adapter),
            ParameterCount.Of(layer) + (quantizer is null || adapter is not null ? 0 : QuantizerCount.Of(quantizer, layer)),
            adapter is null ? 0 : ParameterCount.Of(adapter, (LinearSpec)layer),
            quantizer is null ? null : Words(quantizer));
    }

    private static string Shape(LayerSpec layer) => layer switch
    {
        LinearSpec { Tie: { } tie, TieWhen.Value: true } => $"shares {tie}",
        LinearSpec linear => $"{linear.In} → {linear.Out}{(linear.Bias.Value is true ? " + bias" : "")}",
        Conv2dSpec conv => $"{conv.In} → {conv.Out}, kernel {conv.Kernel}{(conv.Bias.Value is true ? " + bias" : "")}",
        EmbeddingSpec embedding => $"{embedding.Rows} × {embedding.Dim}",
        RmsNormSpec norm => norm.Dim.ToString(),
        LayerNormSpec norm => norm.Dim.ToString(),
        TensorSpec tensor => string.Join(" × ", tensor.Shape),
        BufferSpec buffer => string.Join(" × ", buffer.Shape) + " (table)",
        BlockSpec block => block.ElementType,
        _ => "",
    };

    /// <summary>A quantizer in words: <c>StatsQ, 2 bits, activations 2 bits, CGA</c>.</summary>
    public static string Words(QuantizeSpec quantizer)
    {
        var oscillation = quantizer.Oscillation switch { "None" => "", "Cga" => ", CGA", var other => ", " + other.ToLowerInvariant() };
        return $"{(quantizer.Weights == "Lsq" ? "LSQ" : quantizer.Weights)}, {Bits(quantizer.Bits)}"
            + (quantizer.HasActivations ? ", " + Activations(quantizer) : "") + (quantizer.IsPacked ? ", packed" : "") + oscillation;
    }

    private static string Activations(QuantizeSpec quantizer) => $"activations {Bits(quantizer.Activations)}";

    private static string Bits(SizeExpression bits) => bits.Integer is null ? $"bits = {bits}" : $"{bits} bits";

    /// <summary>An adapter in words: <c>Bone row, block 64</c>.</summary>
    public static string Words(AdapterSpec adapter) => adapter switch
    {
        BoneSpec { Form: "Mini" } bone => $"Bone mini, block {bone.BlockSize}, columns {bone.MiniRank}",
        BoneSpec bone => $"Bone {bone.Form.ToLowerInvariant()}, block {bone.BlockSize}",
        LoraSpec lora => $"{(lora.IsDora ? "DoRA" : "LoRA")}, rank {lora.Rank}{(lora.RankStabilized ? ", rank-stabilized" : "")}"
            + lora.Init switch { "Pissa" => ", PiSSA", "Olora" => ", OLoRA", "LoraGa" => ", LoRA-GA", _ => "" },
        _ => adapter.Attribute,
    };
}
