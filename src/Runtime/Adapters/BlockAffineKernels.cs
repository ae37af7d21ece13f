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
            Columns = new(weight.Floats(), weight.size(1), BlockPanels.Of(block, isLeft: false, out var panels)),
            Adapted = adapted.Floats(),
            Rows = (int)weight.size(0),
            Features = weight.size(1),
            BlockSize = (int)block.size(1),
        };
        ThreadTeam.Run(ref kernel, kernel.Items, weight.numel());
        panels.Dispose();
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

    /// <summary>A few blocks of a column of blocks at a time: they are made as for a product, in the cache, and taken from there.</summary>
    private struct AdaptKernel : IRangeKernel
    {
        private const int MostRows = 512;

        public BlockAffineColumns Columns;
        public float* Adapted;
        public int Rows, BlockSize;
        public long Features;

        public readonly int Items => (int)(Features / BlockSize) * Groups;

        private readonly int Groups => PanelProduct.Parts(Rows, GroupRows);

        private readonly int GroupRows => Math.Max(1, MostRows / BlockSize) * BlockSize;

        public readonly void Run(int first, int end, int part)
        {
            var (r, most) = (BlockSize, GroupRows);
            var next = (long)PanelProduct.TileColumns * (most + PanelProduct.TileRows);
            var panels = (float*)NativeMemory.AlignedAlloc((nuint)(r / PanelProduct.TileColumns * next * sizeof(float)), 64);
            try
            {
                for (var item = first; item < end; item++)
                {
                    var (column, row) = (item / Groups * r, item % Groups * most);
                    var rows = Math.Min(most, Rows - row);
                    Columns.Pack(column, r, row, rows, panels, next, PanelProduct.TileColumns);
                    Unpack(panels, next, rows, r, Adapted + (row * Features) + column, Features);
                }
            }
            finally
            {
                NativeMemory.AlignedFree(panels);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void Unpack(float* panels, long next, int rows, int r, float* block, long stride)
        {
            for (var row = 0; row < rows; row++, block += stride, panels += PanelProduct.TileColumns)
            {
                var line = panels;
                for (var column = 0; column < r; column += PanelProduct.TileColumns, line += next)
                {
                    Vector256.Load(line).Store(block + column);
                    Vector256.Load(line + Lanes.Count).Store(block + column + Lanes.Count);
                }
            }
        }
    }

    /// <summary>
    /// One row of blocks at a time, as one product <c>(W + I)ᵀ G</c>: its steps are the lines of all its blocks, in memory's order. A line of W meets
    /// a single 1 of I.
    /// </summary>
    private struct GradientKernel : IRangeKernel
    {
        // Lines at a time: with those of G they fill half of the second cache where r is 64.
        private const int MostLines = 512;
        private const int LeftNext = (PanelProduct.TileRows * MostLines) + Lanes.Count, RightNext = (PanelProduct.TileColumns * MostLines) + Lanes.Count;

        public float* Weight, G, Gradient;
        public long In;
        public int BlockSize;

        public readonly void Run(int first, int end, int part)
        {
            var r = BlockSize;
            var (tiles, panels) = (PanelProduct.Parts(r, PanelProduct.TileRows), r / PanelProduct.TileColumns);
            var left = (float*)NativeMemory.AlignedAlloc((nuint)(((tiles * LeftNext) + (panels * RightNext)) * sizeof(float)), 64);
            var right = left + (tiles * LeftNext);
            try
            {
                for (var o = first; o < end; o++)
                {
                    for (int line = 0, lines; line < In; line += lines)
                    {
                        lines = (int)Math.Min(MostLines, In - line);
                        Pack(o, line, lines, left, right);
                        new ProductTiles<FloatTile, NoStart>
                        {
                            IsFirst = line == 0,
                            Y = Gradient + ((long)o * r * r),
                            Stride = r,
                            Rows = r,
                            Columns = r,
                            Steps = lines,
                        }.Multiply(left, LeftNext, right, RightNext);
                    }
                }
            }
            finally
            {
                NativeMemory.AlignedFree(left);
            }
        }

        /// <summary>W + I on the left, G on the right.</summary>
        private readonly void Pack(int o, int line, int lines, float* left, float* right)
        {
            var (r, at) = (BlockSize, o * BlockSize * In);
            new FloatOperand(Weight + at, lineStride: 1, stepStride: r).Pack(0, r, line, lines, left, LeftNext, PanelProduct.TileRows);
            new FloatOperand(G + at, lineStride: 1, stepStride: r).Pack(0, r, line, lines, right, RightNext, PanelProduct.TileColumns);
            var shards = (int)(In / r);
            for (int step = 0, next; step < lines; step = next)
            {
                var row = (line + step) / shards;
                next = Math.Min(lines, ((row + 1) * shards) - line);
                var one = left + (row / PanelProduct.TileRows * LeftNext) + (row % PanelProduct.TileRows);
                for (var each = step; each < next; each++)
                {
                    one[each * PanelProduct.TileRows]++;
                }
            }
        }
    }
}
