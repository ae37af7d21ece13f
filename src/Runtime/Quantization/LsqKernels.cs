using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Marrow.Kernels;
using static TorchSharp.torch;

namespace Marrow.Quantization;

/// <summary>LSQ over rows of float32 in one pass each way. Halves round to even; division by S, as 1 / S would move levels.</summary>
internal static unsafe class LsqKernels
{
    private const float LeastStep = (float)Lsq.LeastStep;
    private static readonly int Lanes = Vector256<float>.Count;

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

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(int first, int end, int part)
        {
            var (columns, bounds) = (Layout.Columns, new Bounds(Range));
            for (var row = first; row < end; row++)
            {
                var x = X + ((long)row * columns);
                var y = Y + ((long)row * columns);
                var before = Before.Row(row);
                var after = After.Row(row);
                var perColumn = Layout.IsPerColumn ? Step : null;
                var s = Layout.IsPerColumn ? 0 : MathF.Max(Step[row % Layout.Steps], LeastStep);
                var column = 0;
                for (; column <= columns - Lanes; column += Lanes)
                {
                    Block(bounds, x, y, before, after, perColumn, s, column);
                }

                if (column < columns && columns >= Lanes)
                {
                    // The last lanes once more: nothing is written that was not read from x.
                    Block(bounds, x, y, before, after, perColumn, s, columns - Lanes);
                    continue;
                }

                for (; column < columns; column++)
                {
                    var step = perColumn == null ? s : MathF.Max(perColumn[column], LeastStep);
                    var ratio = (x[column] + (before == null ? 0 : before[column])) / step;
                    y[column] = (MathF.Round(Clip(ratio, Range)) * step) + (after == null ? 0 : after[column]);
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Block(Bounds bounds, float* x, float* y, float* before, float* after, float* perColumn, float s, int column)
        {
            var step = perColumn == null
                ? Vector256.Create(s)
                : Vector256.MaxNative(Vector256.Load(perColumn + column), Vector256.Create(LeastStep));
            var value = Vector256.Load(x + column);
            if (before != null)
            {
                value += Vector256.Load(before + column);
            }

            var quantized = Vector256.Round(bounds.Clip(value / step)) * step;
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

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(int first, int end, int part)
        {
            var (columns, bounds) = (Layout.Columns, new Bounds(Range));
            for (var row = first; row < end; row++)
            {
                var offset = (long)row * columns;
                var x = X + offset;
                var dy = Dy + offset;
                var dx = Dx + offset;
                var before = Before.Row(row);
                var perColumn = Layout.IsPerColumn ? Step : null;
                var s = Layout.IsPerColumn ? 0 : MathF.Max(Step[row % Layout.Steps], LeastStep);
                var dsteps = Layout.IsPerColumn ? Steps + ((long)part * columns) : null;
                var dbefore = Befores == null ? null : Befores + ((((long)part * Before.Parts) + (row % Before.Parts)) * columns);
                var dafter = Afters == null ? null : Afters + ((((long)part * AfterParts) + (row % AfterParts)) * columns);
                var sum = Vector256<float>.Zero;
                var column = 0;
                for (; column <= columns - Lanes; column += Lanes)
                {
                    Block(bounds, x, dy, dx, before, perColumn, s, dsteps, dbefore, dafter, ref sum, column, Vector256<float>.AllBitsSet);
                }

                var rest = 0f;
                if (column < columns && columns >= Lanes)
                {
                    // The last lanes once more; those seen before add nothing to the sums.
                    var overlap = Vector256.Create(column - (columns - Lanes));
                    var fresh = Vector256.GreaterThanOrEqual(Vector256<int>.Indices, overlap).AsSingle();
                    Block(bounds, x, dy, dx, before, perColumn, s, dsteps, dbefore, dafter, ref sum, columns - Lanes, fresh);
                    column = columns;
                }

                for (; column < columns; column++)
                {
                    var step = perColumn == null ? s : MathF.Max(perColumn[column], LeastStep);
                    var ratio = (x[column] + (before == null ? 0 : before[column])) / step;
                    var clipped = Clip(ratio, Range);
                    var inside = clipped == ratio;
                    var g = dy[column];
                    dx[column] = inside ? g : 0;
                    var term = g * (MathF.Round(clipped) - (inside ? ratio : 0));
                    if (dsteps == null)
                    {
                        rest += term;
                    }
                    else
                    {
                        dsteps[column] += term;
                    }

                    if (dbefore != null)
                    {
                        dbefore[column] += dx[column];
                    }

                    if (dafter != null)
                    {
                        dafter[column] += g;
                    }
                }

                if (!Layout.IsPerColumn)
                {
                    Steps[row] = Vector256.Sum(sum) + rest;
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Block(
            Bounds bounds,
            float* x,
            float* dy,
            float* dx,
            float* before,
            float* perColumn,
            float s,
            float* dsteps,
            float* dbefore,
            float* dafter,
            ref Vector256<float> sum,
            int column,
            Vector256<float> fresh)
        {
            var step = perColumn == null
                ? Vector256.Create(s)
                : Vector256.MaxNative(Vector256.Load(perColumn + column), Vector256.Create(LeastStep));
            var value = Vector256.Load(x + column);
            if (before != null)
            {
                value += Vector256.Load(before + column);
            }

            var ratio = value / step;
            var clipped = bounds.Clip(ratio);
            var inside = Vector256.Equals(clipped, ratio);
            var g = Vector256.Load(dy + column);
            var passed = g & inside;
            passed.Store(dx + column);
            (g, passed) = (g & fresh, passed & fresh);
            var term = g * (Vector256.Round(clipped) - (ratio & inside));
            if (dsteps == null)
            {
                sum += term;
            }
            else
            {
                (Vector256.Load(dsteps + column) + term).Store(dsteps + column);
            }

            if (dbefore != null)
            {
                (Vector256.Load(dbefore + column) + passed).Store(dbefore + column);
            }

            if (dafter != null)
            {
                (Vector256.Load(dafter + column) + g).Store(dafter + column);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Clip(float ratio, LevelRange range) => Math.Clamp(ratio, range.Low, range.High);

    /// <summary>The outermost levels in every lane, made once: a field would be read again after every store.</summary>
    private readonly struct Bounds(LevelRange range)
    {
        private readonly Vector256<float> low = Vector256.Create((float)range.Low), high = Vector256.Create((float)range.High);

        // NaN passes: the native minimum and maximum return their second operand when one is NaN.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector256<float> Clip(Vector256<float> ratio) => Vector256.MinNative(high, Vector256.MaxNative(low, ratio));
    }
}
