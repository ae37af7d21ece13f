using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Marrow.Kernels.Memory;
using Marrow.Kernels.Reductions;
using Marrow.Kernels.Threading;
using Marrow.Kernels.Vectors;
using static Marrow.Kernels.Quantizers.LsqKernels;

namespace Marrow.Kernels.Quantizers;

/// <summary>Gradients of x, the scales and the shifts, in one pass over x and dy.</summary>
internal unsafe struct LsqBackwardKernel : IRangeKernel
{
    public ScaleLayout Layout;
    public IntegerRange Range;
    public float* X;
    public float* Dy;
    public float* Step;
    public float* Dx;
    public Shift Before;
    public PartialSums Steps;
    public PartialSums Befores;
    public PartialSums Afters;
    public int AfterParts;

    public readonly void Run(int first, int end, int part)
    {
        var columns = Layout.Columns;
        var steps = Layout.IsPerColumn ? Steps.Begin(part) : Steps.Values;
        float* befores = Befores.Begin(part), afters = Afters.Begin(part);
        for (var row = first; row < end; row++)
        {
            var offset = (long)row * columns;
            var dbefore = befores == null ? null : befores + ((long)(row % Before.Parts) * columns);
            var dafter = afters == null ? null : afters + ((long)(row % AfterParts) * columns);
            if (Layout.IsPerColumn)
            {
                RowOfColumnSteps(
                    Range, columns, Step, X + offset, Dy + offset, Dx + offset, Before.Row(row), steps, dbefore,
                        dafter);
            }
            else
            {
                steps[row] = Row(
                    Range, columns, Usable(Step[row % Layout.Steps]), X + offset, Dy + offset, Dx + offset,
                        Before.Row(row), dbefore, dafter);
            }
        }
    }

    /// <summary>One row; returns its contribution to the gradient of its scale.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static float Row(
        IntegerRange range, int columns, float s, float* x, float* dy, float* dx, float* before, float* dbefore,
            float* dafter)
    {
        var (low, high, step) =
            (Vector256.Create((float)range.Low), Vector256.Create((float)range.High), Vector256.Create(s));
        var (sum, rest, column) = (Vector256<float>.Zero, 0f, 0);
        for (; column <= columns - Lanes.Count; column += Lanes.Count)
        {
            sum += Block(low, high, step, x, dy, dx, before, dbefore, dafter, column, Vector256<float>.AllBitsSet);
        }

        if (column < columns && columns >= Lanes.Count)
        {
            // An overlapping last vector; lanes seen before are masked out of the sums.
            var overlap = Vector256.Create(column - (columns - Lanes.Count));
            var fresh = Vector256.GreaterThanOrEqual(Vector256<int>.Indices, overlap).AsSingle();
            sum += Block(low, high, step, x, dy, dx, before, dbefore, dafter, columns - Lanes.Count, fresh);
            return Vector256.Sum(sum);
        }

        for (; column < columns; column++)
        {
            rest += One(range, s, x, dy, dx, before, dbefore, dafter, column);
        }

        return Vector256.Sum(sum) + rest;
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void RowOfColumnSteps(
        IntegerRange range, int columns, float* steps, float* x, float* dy, float* dx, float* before, float* dsteps,
            float* dbefore, float* dafter)
    {
        var (low, high, column) = (Vector256.Create((float)range.Low), Vector256.Create((float)range.High), 0);
        for (; column <= columns - Lanes.Count; column += Lanes.Count)
        {
            var terms = Block(low, high, Usable(steps + column), x, dy, dx, before, dbefore, dafter, column,
                Vector256<float>.AllBitsSet);
            (Vector256.Load(dsteps + column) + terms).Store(dsteps + column);
        }

        for (; column < columns; column++)
        {
            dsteps[column] += One(range, Usable(steps[column]), x, dy, dx, before, dbefore, dafter, column);
        }
    }

    /// <summary>One entry; returns its contribution to the gradient of its scale.</summary>
    private static float One(
        IntegerRange range, float s, float* x, float* dy, float* dx, float* before, float* dbefore, float* dafter,
            int column)
    {
        var ratio = (x[column] + (before == null ? 0 : before[column])) / s;
        var clipped = Clip(ratio, range);
        var (g, inside) = (dy[column], clipped == ratio);
        dx[column] = inside ? g : 0;
        if (dbefore != null)
        {
            dbefore[column] += dx[column];
        }

        if (dafter != null)
        {
            dafter[column] += g;
        }

        return g * (MathF.Round(clipped) - (inside ? ratio : 0));
    }

    /// <summary>
    /// Eight entries; returns their contributions to the gradient of the scale. Lanes outside the mask add nothing to
    /// any sum.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Block(
        Vector256<float> low,
        Vector256<float> high,
        Vector256<float> step,
        float* x,
        float* dy,
        float* dx,
        float* before,
        float* dbefore,
        float* dafter,
        int column,
        Vector256<float> fresh)
    {
        var value = Vector256.Load(x + column);
        if (before != null)
        {
            value += Vector256.Load(before + column);
        }

        var ratio = value / step;
        var clipped = Clip(ratio, low, high);
        var inside = Vector256.Equals(clipped, ratio);
        var g = Vector256.Load(dy + column);
        var passed = g & inside;
        passed.Store(dx + column);
        (g, passed) = (g & fresh, passed & fresh);
        if (dbefore != null)
        {
            (Vector256.Load(dbefore + column) + passed).Store(dbefore + column);
        }

        if (dafter != null)
        {
            (Vector256.Load(dafter + column) + g).Store(dafter + column);
        }

        return g * (Vector256.Round(clipped) - (ratio & inside));
    }
}
