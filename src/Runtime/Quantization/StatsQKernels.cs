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
                var divisor = scale == 0 ? 1 : scale;
                var reciprocal = N / divisor;
                var values = Values == null ? null : Values + offset;
                var stored = Stored == null ? null : Stored + offset;
                var column = 0;
                for (; column <= columns - Lanes.Count; column += Lanes.Count)
                {
                    Block(w, values, stored, scale, divisor, reciprocal, column);
                }

                if (column < columns && columns >= Lanes.Count)
                {
                    Block(w, values, stored, scale, divisor, reciprocal, columns - Lanes.Count);
                    continue;
                }

                for (; column < columns; column++)
                {
                    var u = MathF.Round((Math.Clamp(w[column] / divisor, -1, (float)StatsQ.HighestRatio) * N) - 0.5f);
                    if (values != null)
                    {
                        values[column] = scale * (u + 0.5f) / N;
                    }
                    else
                    {
                        stored[column] = (sbyte)(IsOdd ? (2 * u) + 1 : u);
                    }
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private readonly void Block(float* w, float* values, sbyte* stored, float scale, float divisor, float reciprocal, int column)
        {
            var weight = Vector256.Load(w + column);
            var position = (weight * reciprocal) - Vector256.Create(0.5f);
            var u = Vector256.Round(position);

            // A product with the reciprocal is off by a few units in the last place. That matters only beside a boundary, and
            // there the quotient decides.
            var distance = Vector256.Abs(position - u);
            if (Vector256.GreaterThanAny(distance, Vector256.Create(0.5f - (N * 1e-6f))))
            {
                var clipped = Vector256.MinNative(
                    Vector256.Create((float)StatsQ.HighestRatio), Vector256.MaxNative(Vector256.Create(-1f), weight / divisor));
                u = Vector256.Round((clipped * N) - Vector256.Create(0.5f));
            }

            u = Vector256.MinNative(Vector256.Create(N - 1f), Vector256.MaxNative(Vector256.Create((float)-N), u));
            if (values != null)
            {
                ((u + Vector256.Create(0.5f)) * (scale / N)).Store(values + column);
            }
            else
            {
                Lanes.Store(IsOdd ? u + u + Vector256<float>.One : u, stored + column);
            }
        }
    }
}
