using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Marrow.Kernels;
using static TorchSharp.torch;

namespace Marrow.Quantization;

/// <summary>StatsQ over rows of float32: a pass that sums, and one that quantizes while the row is still in the cache.</summary>
internal static unsafe class StatsQKernels
{
    /// <summary>Whether the kernels apply: float32 on the CPU.</summary>
    public static bool Suit(Tensor w) =>
        w.dtype == ScalarType.Float32 && w.device_type == TorchSharp.DeviceType.CPU && w.is_contiguous();

    /// <summary>ŵ into <paramref name="target"/>.</summary>
    public static void Quantize(StepLayout layout, Tensor w, int bits, Tensor target)
    {
        var kernel = new Kernel { Layout = layout, W = w.Floats(), Values = target.Floats(), N = 1 << (bits - 1) };
        Run(ref kernel);
    }

    /// <summary>Levels: odd levels p = 2u + 1 up to 7 bits, u at 8 bits; and the scales.</summary>
    /// <param name="w">[out, in].</param>
    /// <param name="bits">2 to 8.</param>
    /// <param name="levels">int8 [out, in].</param>
    /// <param name="scales">float32 [out].</param>
    public static void Levels(Tensor w, int bits, Tensor levels, Tensor scales)
    {
        var kernel = new Kernel
        {
            Layout = StepLayout.Of(w, StepSharing.Position),
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
            // A scale spans several rows, so all sums come first.
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
        // Two sums, because one addition waits for the last.
        var (sum, other, rest, column) = (Vector256<float>.Zero, Vector256<float>.Zero, 0f, 0);
        for (; column <= columns - (2 * Lanes.Count); column += 2 * Lanes.Count)
        {
            sum += Vector256.Abs(Vector256.Load(row + column));
            other += Vector256.Abs(Vector256.Load(row + column + Lanes.Count));
        }

        for (; column <= columns - Lanes.Count; column += Lanes.Count)
        {
            sum += Vector256.Abs(Vector256.Load(row + column));
        }

        for (; column < columns; column++)
        {
            rest += MathF.Abs(row[column]);
        }

        return Vector256.Sum(sum + other) + rest;
    }

    private struct Kernel : IRangeKernel
    {
        public StepLayout Layout;
        public float* W;
        public float* Values;
        public sbyte* Stored;
        public float* Scales;
        public float* SharedScales;
        public int N;
        public bool IsOdd;

        public readonly void Run(int first, int end, int part)
        {
            var columns = Layout.Columns;
            for (var row = first; row < end; row++)
            {
                var offset = (long)row * columns;
                var w = W + offset;
                var scale = SharedScales != null ? SharedScales[row % Layout.Steps] : 2 * Sum(w, columns) / columns;
                if (Scales != null)
                {
                    Scales[row] = scale;
                }

                // A row of zeros has no scale; any divisor gives it a level, and scale 0 makes that level 0.
                var grid = new Grid(N, scale == 0 ? 1 : scale);
                if (Values != null)
                {
                    Quantize(grid, w, columns, scale / N, Values + offset);
                }
                else
                {
                    Level(grid, w, columns, IsOdd ? 1 : 0, Stored + offset);
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void Quantize(Grid grid, float* w, int columns, float spacing, float* values)
        {
            var (each, half, column) = (Vector256.Create(spacing), Vector256.Create(0.5f), 0);
            for (; column <= columns - Lanes.Count; column += Lanes.Count)
            {
                ((grid.Level(Vector256.Load(w + column)) + half) * each).Store(values + column);
            }

            for (; column < columns; column++)
            {
                values[column] = (grid.Level(w[column]) + 0.5f) * spacing;
            }
        }

        /// <summary>Odd levels 2u + 1, or u.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void Level(Grid grid, float* w, int columns, int isOdd, sbyte* stored)
        {
            var (factor, shift, column) = (Vector256.Create(1f + isOdd), Vector256.Create((float)isOdd), 0);
            for (; column <= columns - Lanes.Count; column += Lanes.Count)
            {
                Lanes.Store((grid.Level(Vector256.Load(w + column)) * factor) + shift, stored + column);
            }

            for (; column < columns; column++)
            {
                stored[column] = (sbyte)((grid.Level(w[column]) * (1 + isOdd)) + isOdd);
            }
        }
    }

    /// <summary>The levels u of one scale: <c>round(clip(w / scale, −1, 1 − 1e-6) n − 0.5)</c>, n half of their number.</summary>
    private readonly struct Grid(int n, float divisor)
    {
        private readonly Vector256<float> divisor = Vector256.Create(divisor), reciprocal = Vector256.Create(n / divisor);
        private readonly Vector256<float> count = Vector256.Create((float)n), half = Vector256.Create(0.5f);
        private readonly Vector256<float> low = Vector256.Create((float)-n), high = Vector256.Create(n - 1f), beside = Vector256.Create(0.5f - (n * 1e-6f));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector256<float> Level(Vector256<float> weight)
        {
            var position = (weight * reciprocal) - half;
            var u = Vector256.Round(position);

            // A product with the reciprocal is off by a few units in the last place. That matters only beside a boundary, and
            // there the quotient decides.
            if (Vector256.GreaterThanAny(Vector256.Abs(position - u), beside))
            {
                u = Vector256.Round((Vector256.MinNative(Vector256.Create((float)StatsQ.HighestRatio), weight / divisor) * count) - half);
            }

            return Vector256.MinNative(high, Vector256.MaxNative(low, u));
        }

        public float Level(float weight) =>
            MathF.Round((Math.Clamp(weight / divisor[0], -1, (float)StatsQ.HighestRatio) * count[0]) - 0.5f);
    }
}
