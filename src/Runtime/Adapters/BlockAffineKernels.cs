using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
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
            Weight = new(weight.Floats(), weight.size(1), block.Floats(), (int)block.size(1)),
            Adapted = adapted.Floats(),
            Features = weight.size(1),
        };
        ThreadTeam.Run(ref kernel, (int)(weight.size(0) / AdaptKernel.Rows), weight.numel());
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
            In = weight.size(1),
            BlockSize = (int)gradient.size(1),
        };
        ThreadTeam.Run(ref kernel, (int)gradient.size(0), weight.numel());
    }

    /// <summary>A few rows at a time, which divide a row of blocks.</summary>
    private struct AdaptKernel : IRangeKernel
    {
        public const int Rows = SmallProduct.Columns;

        public BlockAffineWeight Weight;
        public float* Adapted;
        public long Features;

        public readonly void Run(int first, int end, int part)
        {
            var r = Weight.BlockSize;
            var lines = (float*)NativeMemory.AlignedAlloc((nuint)(Rows * r * sizeof(float)), 64);
            try
            {
                for (var row = first * Rows; row < end * Rows; row += Rows)
                {
                    for (var column = 0; column < Features; column += r)
                    {
                        Weight.Gather(row, Rows, column, lines);
                        Weight.Adapt(lines, row, Rows, column, r, Adapted + (row * Features) + column, Features);
                    }
                }
            }
            finally
            {
                NativeMemory.AlignedFree(lines);
            }
        }
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
