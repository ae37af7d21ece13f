using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Marrow.Kernels;
using static TorchSharp.torch;

namespace Marrow.Adapters;

/// <summary><see cref="ShardAffine"/> in float32 on the CPU: each pass over x does all there is to do with its shards.</summary>
internal static unsafe class ShardAffineKernels
{
    // Rows at a time: shards of so many rows and one block share the cache.
    private const int Rows = 48;

    /// <summary><c>x_i + z_i</c> and <c>Σ_i z_i</c>, where <c>z_i = x_i B[i]ᵀ</c>.</summary>
    /// <param name="x">[n, in].</param>
    /// <param name="transposed">Bᵀ [in/r, r, r].</param>
    /// <param name="turned">Takes x + z [n, in].</param>
    /// <param name="sum">Takes the sum [n, r].</param>
    public static void Apply(Tensor x, Tensor transposed, Tensor turned, Tensor sum)
    {
        var kernel = new ApplyKernel
        {
            X = x.Floats(),
            Blocks = transposed.Floats(),
            Turned = turned.Floats(),
            Sum = sum.Floats(),
            Count = (int)x.size(0),
            Features = x.size(1),
            Length = (int)sum.size(1),
        };
        ThreadTeam.Run(ref kernel, (kernel.Count + Rows - 1) / Rows, x.numel());
    }

    /// <summary><c>dB[i] = h_iᵀ x_i</c> and, if wanted, <c>dx_i += h_i B[i]</c> in place, where <c>h_i = dx_i + g</c>.</summary>
    /// <param name="dx">[n, in].</param>
    /// <param name="g">[n, r].</param>
    /// <param name="x">[n, in].</param>
    /// <param name="blocks">B [in/r, r, r].</param>
    /// <param name="gradient">Takes dB [in/r, r, r].</param>
    /// <param name="needsInput">Whether dx is wanted.</param>
    public static void Backward(Tensor dx, Tensor g, Tensor x, Tensor blocks, Tensor gradient, bool needsInput)
    {
        var kernel = new BackwardKernel
        {
            Dx = dx.Floats(),
            G = g.Floats(),
            X = x.Floats(),
            Blocks = blocks.Floats(),
            Gradient = gradient.Floats(),
            Count = (int)x.size(0),
            Features = x.size(1),
            Length = (int)g.size(1),
            NeedsInput = needsInput,
        };
        ThreadTeam.Run(ref kernel, (int)(kernel.Features / kernel.Length), x.numel());
    }

    private struct ApplyKernel : IRangeKernel
    {
        public float* X, Blocks, Turned, Sum;
        public int Count, Length;
        public long Features;

        public readonly void Run(int first, int end, int part)
        {
            var r = Length;
            for (var row = first * Rows; row < Math.Min(Count, end * Rows); row += Rows)
            {
                var rows = Math.Min(Rows, Count - row);
                var sum = Sum + ((long)row * r);
                new Span<float>(sum, rows * r).Clear();
                for (var shard = 0L; shard < Features; shard += r)
                {
                    var at = (row * Features) + shard;
                    SmallProduct.Multiply(
                        X + at, Features, 1, Blocks + (shard * r), r, steps: r, rows, columns: r,
                        new TurnedShard(X + at, Turned + at, Features, sum, r));
                }
            }
        }
    }

    private readonly struct TurnedShard(float* x, float* turned, long features, float* sum, int r) : IProductEntries
    {
        public Vector256<float> Start(int row, int column) => default;

        public void Take(int row, int column, Vector256<float> z)
        {
            (Vector256.Load(x + (row * features) + column) + z).Store(turned + (row * features) + column);
            var sums = sum + (row * r) + column;
            (Vector256.Load(sums) + z).Store(sums);
        }
    }

    /// <summary>One shard of all rows at a time.</summary>
    private struct BackwardKernel : IRangeKernel
    {
        public float* Dx, G, X, Blocks, Gradient;
        public int Count, Length;
        public long Features;
        public bool NeedsInput;

        public readonly void Run(int first, int end, int part)
        {
            var r = Length;
            var h = (float*)NativeMemory.AlignedAlloc((nuint)(2 * Rows * r * sizeof(float)), 64);
            var x = h + (Rows * r);
            try
            {
                for (var shard = first; shard < end; shard++)
                {
                    float* block = Blocks + ((long)shard * r * r), gradient = Gradient + ((long)shard * r * r);
                    new Span<float>(gradient, r * r).Clear();
                    for (var row = 0; row < Count; row += Rows)
                    {
                        var rows = Math.Min(Rows, Count - row);
                        var at = (row * Features) + ((long)shard * r);
                        Gather(Dx + at, G + ((long)row * r), X + at, Features, rows, r, h, x);
                        SmallProduct.Multiply(h, 1, r, x, r, steps: rows, rows: r, columns: r, new GrowingSums(gradient, r));
                        if (NeedsInput)
                        {
                            SmallProduct.Multiply(h, r, 1, block, r, steps: r, rows, columns: r, new GrowingSums(Dx + at, Features));
                        }
                    }
                }
            }
            finally
            {
                NativeMemory.AlignedFree(h);
            }
        }

        /// <summary>h and x of a few rows, close together: lines a power of two apart push one another out of the cache.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void Gather(float* dx, float* g, float* x, long features, int rows, int r, float* h, float* copy)
        {
            for (var row = 0; row < rows; row++, dx += features, x += features, g += r, h += r, copy += r)
            {
                for (var column = 0; column < r; column += Lanes.Count)
                {
                    (Vector256.Load(dx + column) + Vector256.Load(g + column)).Store(h + column);
                    Vector256.Load(x + column).Store(copy + column);
                }
            }
        }
    }
}
