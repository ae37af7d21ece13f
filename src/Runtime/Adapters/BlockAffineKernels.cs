using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Marrow.Kernels;
using static TorchSharp.torch;

namespace Marrow.Adapters;

/// <summary>
/// <see cref="BlockAffine"/> in float32 on the CPU. A line is one row of one block: r adjacent entries of W.
/// </summary>
internal static unsafe class BlockAffineKernels
{
    /// <summary><c>W′[o,i] = W[o,i] + W[o,i] B[o] + B[o]</c>, written once.</summary>
    /// <param name="weight">W [out, in].</param>
    /// <param name="block">B [out/r, r, r].</param>
    /// <param name="adapted">Takes W′ [out, in].</param>
    public static void Adapt(Tensor weight, Tensor block, Tensor adapted)
    {
        var kernel = new AdaptKernel
        {
            Weight = weight.Floats(),
            Block = block.Floats(),
            Adapted = adapted.Floats(),
            In = weight.shape[1],
            BlockSize = (int)block.shape[1],
        };
        ThreadTeam.Run(ref kernel, (int)weight.shape[0], weight.numel());
    }

    /// <summary><c>dB[o] = Σ_i W[o,i]ᵀ G[o,i] + G[o,i]</c> for some rows of blocks.</summary>
    /// <param name="weight">Their rows of W, [rows · r, in].</param>
    /// <param name="g">The same rows of G.</param>
    /// <param name="gradient">Takes dB [rows, r, r].</param>
    public static void Gradient(Tensor weight, Tensor g, Tensor gradient)
    {
        var kernel = new GradientKernel
        {
            Weight = weight.Floats(),
            G = g.Floats(),
            Gradient = gradient.Floats(),
            In = weight.shape[1],
            BlockSize = (int)gradient.shape[1],
        };
        ThreadTeam.Run(ref kernel, (int)gradient.shape[0], weight.numel());
    }

    /// <summary>One row of W at a time: all of its lines are given the same row of B.</summary>
    private struct AdaptKernel : IRangeKernel
    {
        public float* Weight, Block, Adapted;
        public long In;
        public int BlockSize;

        public readonly void Run(int first, int end, int part)
        {
            var r = BlockSize;
            for (var row = first; row < end; row++)
            {
                float* weight = Weight + (row * In), block = Block + ((long)row / r * r * r);
                SmallProduct.Multiply(
                    weight, r, 1, block, r, steps: r, rows: (int)(In / r), columns: r,
                    new AdaptedLines(weight, block + (row % r * r), Adapted + (row * In), r));
            }
        }
    }

    private readonly struct AdaptedLines(float* weight, float* added, float* adapted, int r) : IProductEntries
    {
        public Vector256<float> Start(int row, int column) => Vector256.Load(weight + (row * r) + column) + Vector256.Load(added + column);

        public void Take(int row, int column, Vector256<float> sums) => sums.Store(adapted + (row * r) + column);
    }

    /// <summary>One row of blocks at a time, and of it so few rows of W that they and those of G stay in the cache for all of dB.</summary>
    private struct GradientKernel : IRangeKernel
    {
        private const int LeastLines = 64;

        public float* Weight, G, Gradient;
        public long In;
        public int BlockSize;

        public readonly void Run(int first, int end, int part)
        {
            var (r, shards) = (BlockSize, (int)(In / BlockSize));
            var height = Math.Min(r, (LeastLines + shards - 1) / shards);
            for (var o = first; o < end; o++)
            {
                var gradient = Gradient + ((long)o * r * r);
                new Span<float>(gradient, r * r).Clear();
                for (var i = 0; i < r; i += height)
                {
                    var rows = Math.Min(height, r - i);
                    float* weight = Weight + ((((long)o * r) + i) * In), g = G + ((((long)o * r) + i) * In);
                    SmallProduct.Multiply(weight, 1, r, g, r, steps: rows * shards, rows: r, columns: r, new GrowingSums(gradient, r));
                    for (var row = 0; row < rows; row++)
                    {
                        AddLines(g + (row * In), shards, gradient + ((i + row) * r), r);
                    }
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void AddLines(float* lines, int count, float* sums, int r)
        {
            for (var column = 0; column < r; column += Lanes.Count)
            {
                var sum = Vector256.Load(sums + column);
                for (var line = 0; line < count; line++)
                {
                    sum += Vector256.Load(lines + (line * r) + column);
                }

                sum.Store(sums + column);
            }
        }
    }
}
