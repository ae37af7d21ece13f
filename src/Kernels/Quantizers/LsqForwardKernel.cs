using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Marrow.Kernels.Memory;
using Marrow.Kernels.Threading;
using Marrow.Kernels.Vectors;
using static Marrow.Kernels.Quantizers.LsqKernels;

namespace Marrow.Kernels.Quantizers;

/// <summary><c>x̂ = S round(clip((x + before) / S, low, high)) + after</c>, row by row.</summary>
internal unsafe struct LsqForwardKernel : IRangeKernel
{
    public ScaleLayout Layout;
    public IntegerRange Range;
    public float* X;
    public float* Step;
    public float* Y;
    public Shift Before;
    public Shift After;

    public readonly void Run(int first, int end, int part)
    {
        for (var row = first; row < end; row++)
        {
            var offset = (long)row * Layout.Columns;
            if (Layout.IsPerColumn)
            {
                RowOfColumnSteps(Range, Layout.Columns, Step, X + offset, Y + offset, Before.Row(row), After.Row(row));
            }
            else
            {
                Row(Range, Layout.Columns, Usable(Step[row % Layout.Steps]), X + offset, Y + offset, Before.Row(row),
                    After.Row(row));
            }
        }
    }

    // Not inlined: values that live across the loop over columns would take its registers.
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void Row(IntegerRange range, int columns, float s, float* x, float* y, float* before, float* after)
    {
        var (low, high, step, column) =
            (Vector256.Create((float)range.Low), Vector256.Create((float)range.High), Vector256.Create(s), 0);
        for (; column <= columns - Lanes.Count; column += Lanes.Count)
        {
            Block(low, high, step, x, y, before, after, column);
        }

        if (column < columns && columns >= Lanes.Count)
        {
            // An overlapping last vector: stores depend on x alone.
            Block(low, high, step, x, y, before, after, columns - Lanes.Count);
            return;
        }

        for (; column < columns; column++)
        {
            One(range, s, x, y, before, after, column);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void RowOfColumnSteps(
        IntegerRange range, int columns, float* steps, float* x, float* y, float* before, float* after)
    {
        var (low, high, column) = (Vector256.Create((float)range.Low), Vector256.Create((float)range.High), 0);
        for (; column <= columns - Lanes.Count; column += Lanes.Count)
        {
            Block(low, high, Usable(steps + column), x, y, before, after, column);
        }

        for (; column < columns; column++)
        {
            One(range, Usable(steps[column]), x, y, before, after, column);
        }
    }

    private static void One(IntegerRange range, float s, float* x, float* y, float* before, float* after, int column)
    {
        var ratio = (x[column] + (before == null ? 0 : before[column])) / s;
        y[column] = (MathF.Round(Clip(ratio, range)) * s) + (after == null ? 0 : after[column]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Block(
        Vector256<float> low, Vector256<float> high, Vector256<float> step, float* x, float* y, float* before,
            float* after, int column)
    {
        var value = Vector256.Load(x + column);
        if (before != null)
        {
            value += Vector256.Load(before + column);
        }

        var quantized = Vector256.Round(Clip(value / step, low, high)) * step;
        if (after != null)
        {
            quantized += Vector256.Load(after + column);
        }

        quantized.Store(y + column);
    }
}
