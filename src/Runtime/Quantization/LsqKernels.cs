using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Marrow.Kernels;
using static TorchSharp.torch;

namespace Marrow.Quantization;

/// <summary>LSQ over rows of float32 in one pass each way. Halves round to even; division by S, as 1 / S would move levels.</summary>
internal static unsafe class LsqKernels
{
    private const float LeastStep = (float)Lsq.LeastStep;

    /// <summary>Whether the kernels apply: float32 on the CPU, more than the signs.</summary>
    public static bool Suit(LevelRange range, Tensor x, Tensor step) =>
        x.dtype == ScalarType.Float32 && step.dtype == ScalarType.Float32 && x.device_type == TorchSharp.DeviceType.CPU
        && x.is_contiguous() && !range.IsSign;

    public static Tensor Quantize(StepLayout layout, LevelRange range, Tensor x, Tensor step, Tensor? before, Tensor? after)
    {
        var y = empty_like(x);
        var kernel = new ForwardKernel
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

    public static LsqGradients Gradients(
        StepLayout layout, LevelRange range, double scale, Tensor dy, Tensor x, Tensor step, Tensor? before, long afterSize)
    {
        var threads = ThreadTeam.Parts(layout.Rows, x.numel());
        var dx = empty_like(x);
        // Sums over rows are kept apart for each part of the work and added in order, so they do not depend on timing.
        var steps = empty([layout.IsPerColumn ? threads : layout.Rows, layout.IsPerColumn ? layout.Columns : 1]);
        var befores = before is null ? null : zeros(threads, before.numel());
        var afters = afterSize == 0 ? null : zeros(threads, afterSize);
        if (layout.IsPerColumn)
        {
            steps.zero_();
        }

        var kernel = new BackwardKernel
        {
            Layout = layout,
            Range = range,
            X = x.Floats(),
            Dy = dy.Floats(),
            Step = step.Floats(),
            Dx = dx.Floats(),
            Before = Shift.Of(layout, before),
            Steps = steps.Floats(),
            Befores = befores is null ? null : befores.Floats(),
            Afters = afters is null ? null : afters.Floats(),
            AfterParts = (int)(afterSize / layout.Columns),
        };
        ThreadTeam.Run(ref kernel, layout.Rows, x.numel());
        var dstep = layout.IsPerColumn ? steps.sum([0]) : steps.view(layout.Rows / layout.Steps, layout.Steps).sum([0]);
        steps.Dispose();
        return new(dx, dstep.mul_(scale), Sum(befores), Sum(afters));
    }

    private static Tensor? Sum(Tensor? parts)
    {
        if (parts is null)
        {
            return null;
        }

        using (parts)
        {
            return parts.sum([0]);
        }
    }

    /// <summary>A vector that is added to rows; row r takes part r mod Parts.</summary>
    private readonly struct Shift(float* values, int parts, int columns)
    {
        public static Shift Of(StepLayout layout, Tensor? shift) =>
            shift is null ? default : new(shift.Floats(), (int)(shift.numel() / layout.Columns), layout.Columns);

        public float* Row(int row) => values == null ? null : values + ((long)(row % parts) * columns);

        public int Parts => parts;
    }

    private struct ForwardKernel : IRangeKernel
    {
        public StepLayout Layout;
        public LevelRange Range;
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
                    Row(Range, Layout.Columns, Floor(Step[row % Layout.Steps]), X + offset, Y + offset, Before.Row(row), After.Row(row));
                }
            }
        }

        // Rows are methods of their own: whatever else is alive around the loop over columns would take its registers.
        [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
        private static void Row(LevelRange range, int columns, float s, float* x, float* y, float* before, float* after)
        {
            var (low, high, step, column) = (Vector256.Create((float)range.Low), Vector256.Create((float)range.High), Vector256.Create(s), 0);
            for (; column <= columns - Lanes.Count; column += Lanes.Count)
            {
                Block(low, high, step, x, y, before, after, column);
            }

            if (column < columns && columns >= Lanes.Count)
            {
                // The last lanes once more: nothing is written that was not read from x.
                Block(low, high, step, x, y, before, after, columns - Lanes.Count);
                return;
            }

            for (; column < columns; column++)
            {
                One(range, s, x, y, before, after, column);
            }
        }

        [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
        private static void RowOfColumnSteps(LevelRange range, int columns, float* steps, float* x, float* y, float* before, float* after)
        {
            var (low, high, column) = (Vector256.Create((float)range.Low), Vector256.Create((float)range.High), 0);
            for (; column <= columns - Lanes.Count; column += Lanes.Count)
            {
                Block(low, high, Floor(steps + column), x, y, before, after, column);
            }

            for (; column < columns; column++)
            {
                One(range, Floor(steps[column]), x, y, before, after, column);
            }
        }

        private static void One(LevelRange range, float s, float* x, float* y, float* before, float* after, int column)
        {
            var ratio = (x[column] + (before == null ? 0 : before[column])) / s;
            y[column] = (MathF.Round(Clip(ratio, range)) * s) + (after == null ? 0 : after[column]);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Block(
            Vector256<float> low, Vector256<float> high, Vector256<float> step, float* x, float* y, float* before, float* after, int column)
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

    private struct BackwardKernel : IRangeKernel
    {
        public StepLayout Layout;
        public LevelRange Range;
        public float* X;
        public float* Dy;
        public float* Step;
        public float* Dx;
        public Shift Before;
        public float* Steps;
        public float* Befores;
        public float* Afters;
        public int AfterParts;

        public readonly void Run(int first, int end, int part)
        {
            var columns = Layout.Columns;
            for (var row = first; row < end; row++)
            {
                var offset = (long)row * columns;
                var dbefore = Befores == null ? null : Befores + ((((long)part * Before.Parts) + (row % Before.Parts)) * columns);
                var dafter = Afters == null ? null : Afters + ((((long)part * AfterParts) + (row % AfterParts)) * columns);
                if (Layout.IsPerColumn)
                {
                    RowOfColumnSteps(
                        Range, columns, Step, X + offset, Dy + offset, Dx + offset, Before.Row(row), Steps + ((long)part * columns), dbefore, dafter);
                }
                else
                {
                    Steps[row] = Row(
                        Range, columns, Floor(Step[row % Layout.Steps]), X + offset, Dy + offset, Dx + offset, Before.Row(row), dbefore, dafter);
                }
            }
        }

        /// <summary>One row; returns the gradient of its step.</summary>
        [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
        private static float Row(
            LevelRange range, int columns, float s, float* x, float* dy, float* dx, float* before, float* dbefore, float* dafter)
        {
            var (low, high, step) = (Vector256.Create((float)range.Low), Vector256.Create((float)range.High), Vector256.Create(s));
            var (sum, rest, column) = (Vector256<float>.Zero, 0f, 0);
            for (; column <= columns - Lanes.Count; column += Lanes.Count)
            {
                sum += Block(low, high, step, x, dy, dx, before, dbefore, dafter, column, Vector256<float>.AllBitsSet);
            }

            if (column < columns && columns >= Lanes.Count)
            {
                // The last lanes once more; those seen before add nothing to the sums.
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
            LevelRange range, int columns, float* steps, float* x, float* dy, float* dx, float* before, float* dsteps, float* dbefore, float* dafter)
        {
            var (low, high, column) = (Vector256.Create((float)range.Low), Vector256.Create((float)range.High), 0);
            for (; column <= columns - Lanes.Count; column += Lanes.Count)
            {
                var terms = Block(low, high, Floor(steps + column), x, dy, dx, before, dbefore, dafter, column, Vector256<float>.AllBitsSet);
                (Vector256.Load(dsteps + column) + terms).Store(dsteps + column);
            }

            for (; column < columns; column++)
            {
                dsteps[column] += One(range, Floor(steps[column]), x, dy, dx, before, dbefore, dafter, column);
            }
        }

        /// <summary>One entry; returns what it adds to the gradient of its step.</summary>
        private static float One(
            LevelRange range, float s, float* x, float* dy, float* dx, float* before, float* dbefore, float* dafter, int column)
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

        /// <summary>Eight entries; returns what each adds to the gradient of its step. Those that are not fresh add nothing to any sum.</summary>
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

    private static float Floor(float step) => MathF.Max(step, LeastStep);

    private static Vector256<float> Floor(float* steps) => Vector256.MaxNative(Vector256.Load(steps), Vector256.Create(LeastStep));

    private static float Clip(float ratio, LevelRange range) => Math.Clamp(ratio, range.Low, range.High);

    // NaN passes: the native minimum and maximum return their second operand when one is NaN.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Clip(Vector256<float> ratio, Vector256<float> low, Vector256<float> high) =>
        Vector256.MinNative(high, Vector256.MaxNative(low, ratio));
}
