using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Marrow.Kernels.Memory;
using Marrow.Kernels.Reductions;
using Marrow.Kernels.Threading;
using static TorchSharp.torch;

namespace Marrow.Kernels.Quantizers;

/// <summary>
/// LSQ of float32 in one pass each way. Ties round to even; x is divided by S, because a product with 1 / S can change
/// codes.
/// </summary>
internal static unsafe class LsqKernels
{
    /// <summary>Lower bound of a scale.</summary>
    public const double LeastStep = 1e-5;

    /// <summary>Whether the kernels apply: contiguous float32 on the CPU.</summary>
    public static bool Supports(Tensor x, Tensor step) => TensorMemory.AreFloats(x, step) && x.is_contiguous();

    public static Tensor Quantize(
        ScaleLayout layout, IntegerRange range, Tensor x, Tensor step, Tensor? before, Tensor? after)
    {
        var y = empty_like(x);
        var kernel = new LsqForwardKernel
        {
            Layout = layout,
            Range = range,
            X = x.Floats(),
            Step = step.Floats(),
            Y = y.Floats(),
            Before = Shift.Of(layout, before),
            After = Shift.Of(layout, after),
        };
        ThreadTeam.Run(ref kernel, layout.Rows, x.numel());
        return y;
    }

    public static (Tensor Input, Tensor Step, Tensor? Before, Tensor? After) Gradients(
        ScaleLayout layout, IntegerRange range, double scale, Tensor dy, Tensor x, Tensor step, Tensor? before,
            long afterSize)
    {
        var parts = ThreadTeam.Parts(layout.Rows, x.numel());
        var dx = empty_like(x);
        using var steps = layout.IsPerColumn
            ? new PartialSums(parts, layout.Columns)
            : new(layout.Rows / layout.Steps, layout.Steps);
        using var befores = before is null ? default : new PartialSums(parts, before.numel());
        using var afters = afterSize == 0 ? default : new PartialSums(parts, afterSize);
        var kernel = new LsqBackwardKernel
        {
            Layout = layout,
            Range = range,
            X = x.Floats(),
            Dy = dy.Floats(),
            Step = step.Floats(),
            Dx = dx.Floats(),
            Before = Shift.Of(layout, before),
            Steps = steps,
            Befores = befores,
            Afters = afters,
            AfterParts = (int)(afterSize / layout.Columns),
        };
        ThreadTeam.Run(ref kernel, layout.Rows, x.numel());
        return (
            dx,
            steps.Total(scale),
            before is null ? null : befores.Total(),
            afterSize == 0 ? null : afters.Total());
    }

    /// <summary>A shift added to rows: row r takes part r mod Parts.</summary>
    internal readonly struct Shift(float* values, int parts, int columns)
    {
        public static Shift Of(ScaleLayout layout, Tensor? shift) =>
            shift is null ? default : new(shift.Floats(), (int)(shift.numel() / layout.Columns), layout.Columns);

        public float* Row(int row) => values == null ? null : values + ((long)(row % parts) * columns);

        public int Parts => parts;
    }

    /// <summary>max(step, LeastStep).</summary>
    internal static float Usable(float step) => MathF.Max(step, (float)LeastStep);

    // NaN propagates here and below: native minimum and maximum return the second operand if either is NaN.
    internal static Vector256<float> Usable(float* steps) =>
        Vector256.MaxNative(Vector256.Create((float)LeastStep), Vector256.Load(steps));

    internal static float Clip(float ratio, IntegerRange range) => Math.Clamp(ratio, range.Low, range.High);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector256<float> Clip(Vector256<float> ratio, Vector256<float> low, Vector256<float> high) =>
        Vector256.MinNative(high, Vector256.MaxNative(low, ratio));
}
