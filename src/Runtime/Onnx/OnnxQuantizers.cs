using static TorchSharp.torch;

namespace Marrow.Onnx;

/// <summary>
/// Quantizers as pairs of QuantizeLinear and DequantizeLinear. Levels of fewer bits than the integer type has are its
/// lowest ones: types narrower than 4 bits have come only with later operator sets, and few runtimes know them.
/// </summary>
internal static class OnnxQuantizers
{
    /// <summary>
    /// Ŵ from its levels, in 4 bits where they fit and else in 8. StatsQ's levels p = 2u + 1 are stored as they are
    /// where the type holds them; with 4 and 8 bits u is stored, and half a level is added to every weight of a row.
    /// </summary>
    /// <remarks>
    /// ONNX Runtime replaces a product with a matrix that comes right from DequantizeLinear by one that rounds the
    /// other side to 8 bits (MatMulNBits, whose accuracy_level is 4 unless a session says otherwise). So levels have a
    /// third dimension, of size 1, which keeps the matrix and its levels apart.
    /// </remarks>
    /// <param name="graph">The graph.</param>
    /// <param name="name">The weight's name.</param>
    /// <param name="weight">W [out, in].</param>
    /// <param name="shape">Sizes of Ŵ; [out, in] unless they are given.</param>
    public static OnnxValue Weight(this OnnxGraph graph, string name, PackedWeight weight, params long[] shape)
    {
        using var scope = NewDisposeScope();
        var levels = weight.Unpack();
        var addsHalf = weight is { IsOdd: true, Bits: 4 or 8 };
        var codes = (addsHalf && !levels.IsHalved ? levels.Stored.bitwise_right_shift(1) : levels.Stored).unsqueeze(2);
        var dequantized = graph.Node(
            "DequantizeLinear",
            codes.shape,
            [
                graph.Integers($"{name}.levels", weight.Bits <= 4 ? OnnxType.Int4 : OnnxType.Int8, codes),
                graph.Constant($"{name}.scale", addsHalf ? levels.Scale * 2 : levels.Scale),
            ],
            ("axis", 0L));
        if (addsHalf)
        {
            dequantized = graph.Add(dequantized, graph.Constant($"{name}.half", levels.Scale.view(-1, 1, 1)));
        }

        return graph.Reshape(dequantized, shape.Length == 0 ? codes.shape[..2] : shape);
    }

    /// <summary>x̂ = S round(clip(x / S, low, high)), rounding halves to even.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="x">The activations.</param>
    /// <param name="name">The quantizer's name.</param>
    /// <param name="step">S, before it is kept from being too small.</param>
    /// <param name="range">The levels.</param>
    /// <param name="sharing">Which elements share a step.</param>
    /// <exception cref="CheckpointException">The steps have no values yet.</exception>
    public static OnnxValue Quantize(
        this OnnxGraph graph, OnnxValue x, string name, Tensor step, LevelRange range, ScaleGranularity sharing)
    {
        using var scope = NewDisposeScope();
        if (step.device_type != TorchSharp.DeviceType.META && step.count_nonzero().item<long>() == 0)
        {
            throw graph.Unknown(
                $"the quantizer '{name}' has no steps yet, which the first batch gives it",
                "train the model, or run it on a batch");
        }

        var axis = sharing switch
        {
            ScaleGranularity.Position => x.Rank - 2,
            ScaleGranularity.Channel => x.Rank - 1,
            ScaleGranularity.ImageChannel => 1,
            ScaleGranularity.Tensor => (int?)null,
            _ => throw new ArgumentOutOfRangeException(nameof(sharing)),
        };
        var steps = step.detach().clamp_min(Kernels.Quantizers.LsqKernels.LeastStep);
        var scale = graph.Constant(name, axis is null ? steps.view([]) : steps);
        var type = range.Low < 0 ? OnnxType.Int8 : OnnxType.UInt8;
        var zero = axis is null
            ? graph.Scalar(type, 0)
            : graph.Integers($"{name}.zero", type, zeros(steps.shape, dtype: ScalarType.Int8));
        (string, object)[] along = axis is { } chosen ? [("axis", (long)chosen)] : [];
        var levels = graph.Node("QuantizeLinear", x.Shape, [x, scale, zero], along);
        if (range.High - range.Low < byte.MaxValue)
        {
            levels = graph.Node(
                "Clip", x.Shape, [levels, graph.Scalar(type, range.Low), graph.Scalar(type, range.High)]);
        }

        return graph.Node("DequantizeLinear", x.Shape, [levels, scale, zero], along);
    }

    /// <summary>The same with shifts along the last dimensions: x̂ = LSQ(x + before) + after.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="x">The activations.</param>
    /// <param name="name">The name of the layer or part that quantizes.</param>
    /// <param name="step">S.</param>
    /// <param name="range">The levels.</param>
    /// <param name="sharing">Which elements share a step.</param>
    /// <param name="before">Added before.</param>
    /// <param name="after">Added after.</param>
    public static OnnxValue Quantize(
        this OnnxGraph graph,
        OnnxValue x,
        string name,
        Tensor step,
        LevelRange range,
        ScaleGranularity sharing,
        Tensor before,
        Tensor after) =>
        graph.Add(
            graph.Quantize(
                graph.Add(x, graph.Constant($"{name}.before", before)), $"{name}.step", step, range, sharing),
            graph.Constant($"{name}.after", after));
}
