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
    private const int Rows = 16 * PanelProduct.TileRows;

    /// <summary><c>x_i + z_i</c> and <c>Σ_i z_i</c>, where <c>z_i = x_i B[i]ᵀ</c>.</summary>
    /// <param name="x">[n, in].</param>
    /// <param name="block">B [in/r, r, r].</param>
    /// <param name="turned">Takes x + z [n, in].</param>
    /// <param name="sum">Takes the sum [n, r].</param>
    public static void Apply(Tensor x, Tensor block, Tensor turned, Tensor sum)
    {
        var (count, r) = ((int)x.size(0), (int)sum.size(1));
        using var panels = empty_like(block);
        using var lines = block.view(x.size(1), r);
        var layOut = new LayOutKernel { Lines = FloatOperand.Rows(lines), Panels = panels.Floats(), Length = r };
        ThreadTeam.Run(ref layOut, (int)block.size(0), block.numel());
        var kernel = new ApplyKernel
        {
            X = x.Floats(),
            Panels = panels.Floats(),
            Turned = turned.Floats(),
            Sum = sum.Floats(),
            Count = count,
            Features = x.size(1),
            Length = r,
        };
        ThreadTeam.Run(ref kernel, PanelProduct.Parts(count, Rows), x.numel());
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

    private static ProductTiles<FloatTile, NoStart> Tiles(float* y, long stride, int rows, int columns, int steps, bool isFirst) =>
        new() { IsFirst = isFirst, Y = y, Stride = stride, Rows = rows, Columns = columns, Steps = steps };

    /// <summary>Rows of each block, columns of Bᵀ, as the right side of a product.</summary>
    private struct LayOutKernel : IRangeKernel
    {
        public FloatOperand Lines;
        public float* Panels;
        public int Length;

        public readonly void Run(int first, int end, int part)
        {
            var next = Length * PanelProduct.TileColumns;
            Lines.Pack(first * Length, (end - first) * Length, 0, Length, Panels + ((long)first * Length * Length), next, PanelProduct.TileColumns);
        }
    }

    private struct ApplyKernel : IRangeKernel
    {
        public float* X, Panels, Turned, Sum;
        public int Count, Length;
        public long Features;

        public readonly void Run(int first, int end, int part)
        {
            var r = Length;
            var next = (PanelProduct.TileRows * r) + Lanes.Count;
            var left = (float*)NativeMemory.AlignedAlloc((nuint)(((Rows / PanelProduct.TileRows * next) + (Rows * r)) * sizeof(float)), 64);
            var z = left + (Rows / PanelProduct.TileRows * next);
            try
            {
                for (var row = first * Rows; row < Math.Min(Count, end * Rows); row += Rows)
                {
                    var rows = Math.Min(Rows, Count - row);
                    var sum = Sum + ((long)row * r);
                    new Span<float>(sum, rows * r).Clear();
                    for (var shard = 0L; shard < Features; shard += r)
                    {
                        var at = (row * Features) + shard;
                        new FloatOperand(X + at, Features, stepStride: 1).Pack(0, rows, 0, r, left, next, PanelProduct.TileRows);
                        Tiles(z, r, rows, r, steps: r, isFirst: true).Multiply(left, next, Panels + (shard * r), PanelProduct.TileColumns * r);
                        Add(X + at, z, Features, rows, r, Turned + at, sum);
                    }
                }
            }
            finally
            {
                NativeMemory.AlignedFree(left);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void Add(float* x, float* z, long features, int rows, int r, float* turned, float* sum)
        {
            for (var row = 0; row < rows; row++, x += features, turned += features, z += r, sum += r)
            {
                for (var column = 0; column < r; column += Lanes.Count)
                {
                    var value = Vector256.Load(z + column);
                    (Vector256.Load(x + column) + value).Store(turned + column);
                    (Vector256.Load(sum + column) + value).Store(sum + column);
                }
            }
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
            int leftNext = (PanelProduct.TileRows * Math.Max(r, Rows)) + Lanes.Count, rightNext = PanelProduct.TileColumns * Rows;
            var tiles = PanelProduct.Parts(Math.Max(Rows, r), PanelProduct.TileRows);
            var h = (float*)NativeMemory.AlignedAlloc((nuint)(((2 * Rows * r) + (r * r) + (tiles * leftNext)) * sizeof(float)), 64);
            float* x = h + (Rows * r), block = x + (Rows * r), left = block + (r * r);
            try
            {
                for (var shard = first; shard < end; shard++)
                {
                    var gradient = Gradient + ((long)shard * r * r);
                    new Span<float>(gradient, r * r).Clear();
                    if (NeedsInput)
                    {
                        new FloatOperand(Blocks + ((long)shard * r * r), lineStride: 1, stepStride: r)
                            .Pack(0, r, 0, r, block, PanelProduct.TileColumns * r, PanelProduct.TileColumns);
                    }

                    for (var row = 0; row < Count; row += Rows)
                    {
                        var rows = Math.Min(Rows, Count - row);
                        var at = (row * Features) + ((long)shard * r);
                        Add(Dx + at, G + ((long)row * r), Features, rows, r, h);
                        new FloatOperand(h, lineStride: 1, stepStride: r).Pack(0, r, 0, rows, left, leftNext, PanelProduct.TileRows);
                        new FloatOperand(X + at, lineStride: 1, stepStride: Features).Pack(0, r, 0, rows, x, rightNext, PanelProduct.TileColumns);
                        Tiles(gradient, r, r, r, steps: rows, isFirst: false).Multiply(left, leftNext, x, rightNext);
                        if (NeedsInput)
                        {
                            new FloatOperand(h, lineStride: r, stepStride: 1).Pack(0, rows, 0, r, left, leftNext, PanelProduct.TileRows);
                            Tiles(Dx + at, Features, rows, r, steps: r, isFirst: false).Multiply(left, leftNext, block, PanelProduct.TileColumns * r);
                        }
                    }
                }
            }
            finally
            {
                NativeMemory.AlignedFree(h);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void Add(float* dx, float* g, long features, int rows, int r, float* h)
        {
            for (var row = 0; row < rows; row++, dx += features, g += r, h += r)
            {
                for (var column = 0; column < r; column += Lanes.Count)
                {
                    (Vector256.Load(dx + column) + Vector256.Load(g + column)).Store(h + column);
                }
            }
        }
    }
}
