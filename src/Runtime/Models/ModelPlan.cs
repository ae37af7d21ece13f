using System.Globalization;
using Marrow.Models;

namespace Marrow;

/// <summary>
/// What a model is made of, known without building it: one row per layer, or per run of equal layers of repeated
/// blocks. Sizes that are not constants stand by name, and counts that depend on them are null.
/// </summary>
/// <param name="model">The class's name.</param>
/// <param name="rows">The rows.</param>
public sealed class ModelPlan(string model, IReadOnlyList<LayerPlan> rows)
{
    /// <summary>The class's name.</summary>
    public string Model { get; } = model;

    /// <summary>One row per layer or run of equal layers.</summary>
    public IReadOnlyList<LayerPlan> Rows { get; } = rows;

    /// <summary>Whether an adapter is on any layer; the base is frozen then.</summary>
    public bool IsAdapted => Rows.Any(row => row.Adapter is not null);

    /// <summary>
    /// Parameters that training changes: the adapters' and those of layers that are trained whole beside them, or all
    /// if there is no adapter.
    /// </summary>
    public long? TrainableParameters => Sum(Trainable);

    /// <summary>All parameters, adapters included.</summary>
    public long? TotalParameters => Sum(row => row.Parameters + row.AdapterParameters);

    /// <summary>
    /// Bytes of all parameters in a type of <paramref name="bytesPerParameter"/> bytes; float32 has 4.
    /// </summary>
    public long? Bytes(int bytesPerParameter = 4) => TotalParameters * bytesPerParameter;

    /// <summary>
    /// Bytes that training needs for parameters, gradients and AdamW's two averages, activations aside. The weights are
    /// in a type of
    /// <paramref name="bytesPerWeight"/> bytes, packed ones in their bits; what belongs to adapters is in float32.
    /// </summary>
    public long? TrainingBytes(int bytesPerWeight = 2) => IsAdapted
        ? Sum(row => row.IsTrained
            ? row.Parameters * 4 * bytesPerWeight
            : WeightBytes(row, bytesPerWeight) + (4 * 4 * row.AdapterParameters))
        : TotalParameters * 4 * bytesPerWeight;

    /// <summary>The plan as a table.</summary>
    public override string ToString()
    {
        string[] head = ["layer", "shape", "adapter", "quantizer", "trainable", "total", "float32"];
        var lines = Rows.Select(row => new[]
        {
            row.Layer,
            row.Shape,
            row.Adapter ?? (IsAdapted && row.IsTrained ? "trained whole" : ""),
            row.Quantizer ?? "",
            Number(row.Repeat * Trainable(row)),
            Number(row.Repeat * (row.Parameters + row.AdapterParameters)),
            Size(row.Repeat * (row.Parameters + row.AdapterParameters) * 4),
        })
        .Append([Model, "", "", "", Number(TrainableParameters), Number(TotalParameters), Size(Bytes())])
        .Prepend(head)
        .ToList();
        return TextTable.Of(lines, words: 4);
    }

    private long? Trainable(LayerPlan row) => IsAdapted && !row.IsTrained ? row.AdapterParameters : row.Parameters;

    /// <summary>A packed weight has its bits, of which the quantizer's words speak.</summary>
    private static long? WeightBytes(LayerPlan row, int bytesPerWeight)
    {
        var words = row.Quantizer?.Split(", ") ?? [];
        var bits = words.Contains("packed") ? words.Where(word => word.EndsWith(
            " bits", StringComparison.Ordinal)).Select(word => word[..^" bits".Length]).FirstOrDefault() : null;
        return int.TryParse(bits, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? row.Parameters * number / 8 : row.Parameters * bytesPerWeight;
    }

    private static string Number(long? value) => value?.ToString("N0", CultureInfo.InvariantCulture) ?? "at run time";

    private static string Size(long? bytes) => bytes switch
    {
        null => "",
        >= 1_000_000_000 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e9:F2} GB"),
        >= 1_000_000 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e6:F2} MB"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e3:F2} kB"),
    };

    private long? Sum(Func<LayerPlan, long?> parameters) =>
        Rows.Aggregate((long?)0, (sum, row) => sum + (row.Repeat * parameters(row)));
}

/// <summary>A row of a plan. Parameter counts are those of one layer.</summary>
/// <param name="layer">Full name; <c>layers.{0-31}.mlp.up_proj</c> for a run of equal layers.</param>
/// <param name="shape">Shape in words: <c>4096 → 11008</c>.</param>
/// <param name="repeat">How many layers the row stands for; null if known only at run time.</param>
/// <param name="parameters">Parameters without adapter; null if known only at run time.</param>
/// <param name="adapter">The adapter in words, or null.</param>
/// <param name="adapterParameters">Parameters of the adapter; null if known only at run time.</param>
/// <param name="quantizer">The quantizer in words, or null.</param>
/// <param name="isTrained">Whether the layer is trained whole where there are adapters.</param>
public sealed class LayerPlan(
    string layer,
    string shape,
    long? repeat,
    long? parameters,
    string? adapter = null,
    long? adapterParameters = 0,
    string? quantizer = null,
    bool isTrained = false)
{
    /// <summary>Full name; <c>layers.{0-31}.mlp.up_proj</c> for a run of equal layers.</summary>
    public string Layer { get; } = layer;

    /// <summary>Shape in words.</summary>
    public string Shape { get; } = shape;

    /// <summary>How many layers the row stands for.</summary>
    public long? Repeat { get; } = repeat;

    /// <summary>Parameters of one layer without its adapter.</summary>
    public long? Parameters { get; } = parameters;

    /// <summary>The adapter in words, or null.</summary>
    public string? Adapter { get; } = adapter;

    /// <summary>Parameters of one layer's adapter.</summary>
    public long? AdapterParameters { get; } = adapterParameters;

    /// <summary>The quantizer in words, or null.</summary>
    public string? Quantizer { get; } = quantizer;

    /// <summary>Whether the layer is trained whole where there are adapters.</summary>
    public bool IsTrained { get; } = isTrained;
}
