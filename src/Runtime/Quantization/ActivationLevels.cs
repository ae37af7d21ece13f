using System.ComponentModel;
using Marrow.Cuda;
using Marrow.Kernels.Memory;
using Marrow.Kernels.Quantizers;
using static TorchSharp.torch;

namespace Marrow.CompilerServices;

/// <summary>
/// Activations x [n, in] as the integer levels <c>q = round(clip((x + before) / S, low, high))</c> in 8 bits, S of a
/// row the step of its position, row modulo the number of steps.
/// </summary>
/// <param name="Stored">int8 [n, in]: q − <paramref name="Offset"/>.</param>
/// <param name="Offset">128 for unsigned levels of 8 bits, which int8 cannot hold; else 0.</param>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly record struct ActivationLevels(Tensor Stored, int Offset)
{
    /// <summary>int8 [n, in]: q − <see cref="Offset"/>; not to be changed in place.</summary>
    public Tensor Stored
    {
        get;
        init => (field, Span) = (value, null);
    } = Stored;

    /// <summary>What <see cref="Stored"/> can hold, where that is known.</summary>
    internal IntegerRange? Span { get; init; }

    /// <summary>
    /// S of each row, [n], NaN for rows that hold one, so that it comes out of products as it would of x̂. Null on the
    /// CPU, where NaN is an error at once: a device would have to be waited for.
    /// </summary>
    internal Tensor? RowSteps { get; init; }

    /// <summary>The levels of x.</summary>
    /// <param name="x">[n, in], contiguous.</param>
    /// <param name="step">[N], N a divisor of n, or [1].</param>
    /// <param name="before">Added to x, [in], or null.</param>
    /// <param name="range">The levels.</param>
    /// <exception cref="ArithmeticException">On the CPU: x holds NaN, which has no level.</exception>
    public static ActivationLevels Of(Tensor x, Tensor step, Tensor? before, LevelRange range)
    {
        var offset = range.Offset;
        var stored = empty(x.shape, dtype: ScalarType.Int8, device: x.device);
        var levels = new ActivationLevels(stored, offset) { Span = range.Span };
        if (CudaLsq.For(x) is { } kernels)
        {
            return levels with { RowSteps = CudaLsq.Levels(kernels, x, step, before, range.Codes, offset, stored) };
        }

        if (!range.IsSign && LsqKernels.Supports(x, step))
        {
            return QuantizeKernel.Run(x, step, before, range.Codes, offset, stored) ? levels : throw NotANumber();
        }

        using var scope = NewDisposeScope();
        var ratio = Positions(before is null ? x : x + before, step) / Floor(step);
        var isFaulty = ratio.isnan().any(2);
        if (!CudaKernels.IsDevice(x))
        {
            return isFaulty.any().item<bool>() ? throw NotANumber() : Filled();
        }

        var rowSteps = Floor(step).squeeze(2).expand_as(isFaulty).masked_fill(isFaulty, float.NaN).reshape(x.size(0));
        return Filled() with { RowSteps = scope.MoveToOuter(rowSteps) };

        ActivationLevels Filled()
        {
            stored.copy_((range.IsSign ? ratio.sign() : ratio.clamp(range.Low, range.High).round_()).sub_(offset).view(
                x.shape));
            return levels;
        }
    }

    /// <summary><c>x̂ = S q + after</c>.</summary>
    /// <param name="step">The steps.</param>
    /// <param name="after">Added, [in], or null.</param>
    /// <returns>[n, in], in the type of the steps.</returns>
    public Tensor Dequantize(Tensor step, Tensor? after)
    {
        if (CudaLevels.For(Stored, step.dtype) is { } kernels)
        {
            return CudaLevels.Activations(kernels, Stored, Offset, RowSteps ?? step, after, step.dtype);
        }

        if (Stored.device_type == TorchSharp.DeviceType.CPU && step.dtype == ScalarType.Float32)
        {
            return DequantizeKernel<ActivationRows>.Run(new(Stored, Offset, step, after), Stored);
        }

        using var scope = NewDisposeScope();
        var rowSteps = RowSteps ?? step;
        var scaled = (Positions(Stored.to(step.dtype) + Offset, rowSteps) * Floor(rowSteps)).view(Stored.shape);
        return scope.MoveToOuter(after is null ? scaled : scaled + after);
    }

    /// <summary><c>dŴ = dyᵀ x̂</c>.</summary>
    /// <param name="dy">[n, out].</param>
    /// <param name="step">The steps.</param>
    /// <param name="after">Added, [in], or null.</param>
    /// <returns>[out, in], in the type of the steps.</returns>
    public Tensor WeightGradient(Tensor dy, Tensor step, Tensor? after)
    {
        using var scope = NewDisposeScope();
        return scope.MoveToOuter(dy.t().mm(Dequantize(step, after)));
    }

    /// <summary>Rows by their position: [n / N, N, in].</summary>
    internal static Tensor Positions(Tensor rows, Tensor step) =>
        rows.view(rows.size(0) / step.numel(), step.numel(), rows.size(1));

    internal static Tensor Floor(Tensor step) => step.clamp_min(LsqKernels.LeastStep).view(1, step.numel(), 1);

    internal static ArithmeticException NotANumber() =>
        new("The activations hold NaN, which no quantizer has a level for.");
}
