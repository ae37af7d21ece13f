using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Marrow.Kernels.Memory;
using Marrow.Kernels.Threading;
using Marrow.Kernels.Vectors;
using static TorchSharp.torch;

namespace Marrow.Kernels.Quantizers;

/// <summary>
/// StatsQ of float32: per row a pass that sums |w| and one that quantizes while the row is in the cache.
/// </summary>
internal static unsafe class StatsQKernels
{
    /// <summary>Upper bound of the clip, just below the first level beyond the grid.</summary>
    public const double HighestRatio = 1 - 1e-6;

    /// <summary>Whether the kernels apply: contiguous float32 on the CPU.</summary>
    public static bool Supports(Tensor w) => TensorMemory.AreFloats(w) && w.is_contiguous();

    /// <summary>ŵ into <paramref name="target"/>.</summary>
    public static void Quantize(ScaleLayout layout, Tensor w, int bits, Tensor target)
    {
        var kernel = new Kernel { Layout = layout, W = w.Floats(), Values = target.Floats(), N = 1 << (bits - 1) };
        Run(ref kernel);
    }

    /// <summary>Codes: odd levels p = 2u + 1 up to 7 bits, u at 8 bits; and the scales.</summary>
    /// <param name="w">[out, in].</param>
    /// <param name="bits">2 to 8.</param>
    /// <param name="levels">int8 [out, in].</param>
    /// <param name="scales">float32 [out]: what one p is worth.</param>
    public static void Levels(Tensor w, int bits, Tensor levels, Tensor scales)
    {
        var kernel = new Kernel
        {
            Layout = new ScaleLayout((int)w.size(0), (int)w.size(1), (int)w.size(0), IsPerColumn: false),
            W = w.Floats(),
            Stored = levels.SignedBytes(),
            Scales = scales.Floats(),
            N = 1 << (bits - 1),
            IsOdd = bits < 8,
        };
        Run(ref kernel);
    }

    private static void Run(ref Kernel kernel)
    {
        var layout = kernel.Layout;
        if (layout.Rows > layout.Steps)
        {
            // A scale spans several rows, so the sums come first.
            using var scales = empty(layout.Steps, dtype: ScalarType.Float32);
            kernel.SharedScales = scales.Floats();
            for (var step = 0; step < layout.Steps; step++)
            {
                var sum = 0.0;
                for (var row = step; row < layout.Rows; row += layout.Steps)
                {
                    sum += Sum(kernel.W + ((long)row * layout.Columns), layout.Columns);
                }

                kernel.SharedScales[step] = (float)(2 * sum / layout.Count);
            }

            ThreadTeam.Run(ref kernel, layout.Rows, (long)layout.Rows * layout.Columns);
            return;
        }

        ThreadTeam.Run(ref kernel, layout.Rows, (long)layout.Rows * layout.Columns);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Sum(float* row, int columns)
    {
        // Four accumulators hide the latency of the additions.
        var (a, b, c, d) = (Vector256<float>.Zero, Vector256<float>.Zero, Vector256<float>.Zero, Vector256<float>.Zero);
        var (rest, column) = (0f, 0);
        for (; column <= columns - (4 * Lanes.Count); column += 4 * Lanes.Count)
        {
            a += Vector256.Abs(Vector256.Load(row + column));
            b += Vector256.Abs(Vector256.Load(row + column + Lanes.Count));
            c += Vector256.Abs(Vector256.Load(row + column + (2 * Lanes.Count)));
            d += Vector256.Abs(Vector256.Load(row + column + (3 * Lanes.Count)));
        }

        for (; column <= columns - Lanes.Count; column += Lanes.Count)
        {
            a += Vector256.Abs(Vector256.Load(row + column));
        }

        for (; column < columns; column++)
        {
            rest += MathF.Abs(row[column]);
        }

        return Vector256.Sum(a + b + (c + d)) + rest;
    }

    private struct Kernel : IRangeKernel
    {
        // Weights per iteration.
        private const int Block = 4 * Lanes.Count;

        public ScaleLayout Layout;
        public float* W;
        public float* Values;
        public sbyte* Stored;
        public float* Scales;
        public float* SharedScales;
        public int N;
        public bool IsOdd;

        /// <summary>
        /// Bound of the difference between multiplying by the reciprocal and dividing: four float32 roundings of values
        /// up to n, below 3e-7 n; large enough to cover the clip at 1 − 1e-6.
        /// </summary>
        private readonly float Slack => N * 1e-6f;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(int first, int end, int part)
        {
            var columns = Layout.Columns;
            var next = first < end ? Scale(first) : 0;
            for (var row = first; row < end; row++)
            {
                // The next row's scale is a reduction with a long latency; it overlaps with quantizing this row.
                var scale = next;
                next = row + 1 < end ? Scale(row + 1) : 0;
                if (Scales != null)
                {
                    Scales[row] = scale / (2 * N);
                }

                // A row of zeros: any divisor gives codes, and scale 0 makes their values 0.
                var divisor = scale == 0 ? 1 : scale;
                var offset = (long)row * columns;
                if (Values != null)
                {
                    Quantize(W + offset, columns, divisor, scale / N, Values + offset);
                }
                else
                {
                    Level(W + offset, columns, divisor, Stored + offset);
                }
            }
        }

        /// <summary>Start of the last whole block; −1 if the reciprocal of the scale is not finite.</summary>
        private readonly int LastBlock(int columns, float divisor) =>
            float.IsFinite(N / divisor) ? columns - Block : -1;

        private readonly float Scale(int row) => SharedScales != null
            ? SharedScales[row % Layout.Steps]
            : 2 * Sum(W + ((long)row * Layout.Columns), Layout.Columns) / Layout.Columns;

        private readonly void Quantize(float* w, int columns, float divisor, float spacing, float* values)
        {
            for (var column = 0; column < columns;)
            {
                column += QuantizeBlocks(w + column, columns - column, divisor, spacing, values + column);
                var rest = Math.Min(Block, columns - column);
                QuantizeExactly(w + column, rest, divisor, spacing, values + column);
                column += rest;
            }
        }

        /// <summary>Odd levels 2u + 1, or u.</summary>
        private readonly void Level(float* w, int columns, float divisor, sbyte* stored)
        {
            for (var column = 0; column < columns;)
            {
                column += LevelBlocks(w + column, columns - column, divisor, stored + column);
                var rest = Math.Min(Block, columns - column);
                LevelExactly(w + column, rest, divisor, stored + column);
                column += rest;
            }
        }

        // The next two return the number of columns done: they stop before a block in which the reciprocal leaves a
        // code undecided. A call within their loops would spill all registers.
        [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
        private readonly int QuantizeBlocks(float* w, int columns, float divisor, float spacing, float* values)
        {
            var (reciprocal, above, below) =
                (Vector256.Create(N / divisor), Vector256.Create(Slack - 0.5f), Vector256.Create(-Slack - 0.5f));
            var (low, high) = (Vector256.Create(-N), Vector256.Create(N - 1));
            var (each, half, column) = (Vector256.Create(spacing), Vector256.Create(0.5f), 0);
            for (var end = LastBlock(columns, divisor); column <= end; column += Block)
            {
                float* from = w + column, to = values + column;
                var undecided = Vector256<int>.Zero;
                var a = Near(from, reciprocal, above, below, ref undecided);
                var b = Near(from + Lanes.Count, reciprocal, above, below, ref undecided);
                var c = Near(from + (2 * Lanes.Count), reciprocal, above, below, ref undecided);
                var d = Near(from + (3 * Lanes.Count), reciprocal, above, below, ref undecided);
                if (undecided != Vector256<int>.Zero)
                {
                    break;
                }

                ((Vector256.ConvertToSingle(Vector256.Min(high, Vector256.Max(low, a))) + half) * each).Store(to);
                ((Vector256.ConvertToSingle(Vector256.Min(high, Vector256.Max(low, b))) + half) * each).Store(
                    to + Lanes.Count);
                ((Vector256.ConvertToSingle(Vector256.Min(high, Vector256.Max(low, c))) + half) * each).Store(
                    to + (2 * Lanes.Count));
                ((Vector256.ConvertToSingle(Vector256.Min(high, Vector256.Max(low, d))) + half) * each).Store(
                    to + (3 * Lanes.Count));
            }

            return column;
        }

        [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
        private readonly int LevelBlocks(float* w, int columns, float divisor, sbyte* stored)
        {
            var (reciprocal, above, below) =
                (Vector256.Create(N / divisor), Vector256.Create(Slack - 0.5f), Vector256.Create(-Slack - 0.5f));
            var (low, high, odd) = (Vector256.Create((sbyte)-N), Vector256.Create((sbyte)(N - 1)),
                Vector256.Create((sbyte)(IsOdd ? -1 : 0)));
            var column = 0;
            for (var end = LastBlock(columns, divisor); column <= end; column += Block)
            {
                var from = w + column;
                var undecided = Vector256<int>.Zero;
                var a = Near(from, reciprocal, above, below, ref undecided);
                var b = Near(from + Lanes.Count, reciprocal, above, below, ref undecided);
                var c = Near(from + (2 * Lanes.Count), reciprocal, above, below, ref undecided);
                var d = Near(from + (3 * Lanes.Count), reciprocal, above, below, ref undecided);
                if (undecided != Vector256<int>.Zero)
                {
                    break;
                }

                var u = Vector256.Min(high, Vector256.Max(low, Lanes.Narrow(a, b, c, d)));
                (u + (u & odd) - odd).Store(stored + column);
            }

            return column;
        }

        private readonly void QuantizeExactly(float* w, int count, float divisor, float spacing, float* values)
        {
            var i = 0;
            for (; i <= count - Lanes.Count; i += Lanes.Count)
            {
                ((Exact(Vector256.Load(w + i), divisor) + Vector256.Create(0.5f)) * spacing).Store(values + i);
            }

            for (; i < count; i++)
            {
                values[i] = (Exact(w[i], divisor) + 0.5f) * spacing;
            }
        }

        private readonly void LevelExactly(float* w, int count, float divisor, sbyte* stored)
        {
            var (isOdd, i) = (IsOdd ? 1 : 0, 0);
            for (; i <= count - Lanes.Count; i += Lanes.Count)
            {
                Lanes.Store((Exact(Vector256.Load(w + i), divisor) * (1 + isOdd)) + Vector256.Create((float)isOdd),
                    stored + i);
            }

            for (; i < count; i++)
            {
                stored[i] = (sbyte)((Exact(w[i], divisor) * (1 + isOdd)) + isOdd);
            }
        }

        /// <summary><c>u = round(clip(w / scale, −1, 1 − 1e-6) n − 0.5)</c>, n half the number of levels.</summary>
        private readonly float Exact(float weight, float divisor) =>
            MathF.Round((Math.Clamp(weight / divisor, -1, (float)HighestRatio) * N) - 0.5f);

        private readonly Vector256<float> Exact(Vector256<float> weights, float divisor)
        {
            var ratio = Vector256.MaxNative(Vector256.Create(-1f), weights / divisor);
            return Vector256.Round(
                (Vector256.MinNative(Vector256.Create((float)HighestRatio), ratio) * N) - Vector256.Create(0.5f));
        }

        /// <summary>
        /// u of eight weights before clipping, by the reciprocal, which is off by a few units in the last place. Near a
        /// rounding boundary the codes of slightly more and slightly less differ; those lanes set bits in <paramref
        /// name="undecided"/>.
        /// </summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Vector256<int> Near(float* w, Vector256<float> reciprocal, Vector256<float> above,
            Vector256<float> below, ref Vector256<int> undecided)
        {
            var weight = Vector256.Load(w);
            var u = Lanes.Round(Vector256.MultiplyAddEstimate(weight, reciprocal, above));
            undecided |= u ^ Lanes.Round(Vector256.MultiplyAddEstimate(weight, reciprocal, below));
            return u;
        }
    }
}
