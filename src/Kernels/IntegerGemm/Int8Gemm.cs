using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Marrow.Kernels.Memory;
using Marrow.Kernels.Threading;
using static TorchSharp.torch;

namespace Marrow.Kernels.IntegerGemm;

/// <summary>
/// Exact products of small integers on AVX2. A is shifted to suit them: <c>A Bᵀ = (A − origin) Bᵀ + origin Σ_k B</c>. Four levels on each side take <see cref="LookupMicrokernel"/>, more <see cref="Int8Microkernel"/>.
/// </summary>
internal static unsafe class Int8Gemm
{
    /// <summary><c>A Bᵀ</c>.</summary>
    /// <param name="a">int8 [n, k], contiguous.</param>
    /// <param name="ofA">What a holds at most.</param>
    /// <param name="b">int8 [m, k], contiguous.</param>
    /// <param name="ofB">What b holds at most.</param>
    /// <param name="rows">Takes the product, part by part.</param>
    public static void Multiply<TRows>(Tensor a, IntegerRange ofA, Tensor b, IntegerRange ofB, ref TRows rows)
        where TRows : struct, IGemmEpilogue
    {
        if (LookupMicrokernel.Suit(ofA, ofB))
        {
            Run(new LookupMicrokernel(ofA.Low, ofB), a, b, ref rows);
        }
        else
        {
            Run(new Int8Microkernel(ofA, ofB), a, b, ref rows);
        }
    }

    /// <summary>The products of a batch; each is one thread's.</summary>
    /// <param name="batch">Gives them.</param>
    /// <param name="count">How many there are.</param>
    /// <param name="size">n, m, k of each.</param>
    /// <param name="ofA">What the left sides hold at most.</param>
    /// <param name="ofB">What the right sides hold at most.</param>
    public static void MultiplyEach<TBatch, TRows>(ref TBatch batch, int count, (int N, int M, int K) size, IntegerRange ofA, IntegerRange ofB)
        where TBatch : struct, IInt8Batch<TRows>
        where TRows : struct, IGemmEpilogue
    {
        if (LookupMicrokernel.Suit(ofA, ofB))
        {
            Run(new LookupMicrokernel(ofA.Low, ofB), ref batch);
        }
        else
        {
            Run(new Int8Microkernel(ofA, ofB), ref batch);
        }

        void Run<TTiles>(TTiles tiles, ref TBatch batch)
            where TTiles : struct, IInt8Microkernel
        {
            var kernel = new BatchKernel<TTiles, TBatch, TRows> { Tiles = tiles, Batch = batch, Size = size };
            ThreadTeam.Run(ref kernel, count, (long)count * size.N * size.M);
        }
    }

    private static void Run<TTiles, TRows>(TTiles tiles, Tensor a, Tensor b, ref TRows rows)
        where TTiles : struct, IInt8Microkernel
        where TRows : struct, IGemmEpilogue
    {
        var (n, m, k) = ((int)a.size(0), (int)b.size(0), (int)a.size(1));
        using var panels = new Panels(tiles.PanelWidth, tiles.PanelBytes, Parts(m, tiles.PanelWidth), Parts(k, tiles.ChunkColumns));
        var pack = new PackKernel<TTiles> { Tiles = tiles, B = b.SignedBytes(), Stride = k, Outputs = m, Columns = k, Panels = panels };
        ThreadTeam.Run(ref pack, panels.Count, b.numel());
        var multiply = new MultiplyKernel<TTiles, TRows>
        {
            Tiles = tiles,
            Rows = rows,
            A = a.SignedBytes(),
            Count = n,
            Outputs = m,
            Columns = k,
            Panels = panels,
        };
        ThreadTeam.Run(ref multiply, Parts(n, tiles.TileRows), (long)n * m);
        GC.KeepAlive(a);
        GC.KeepAlive(b);
    }

    private static int Parts(int whole, int part) => (whole + part - 1) / part;

    /// <summary>B laid out, and what the shift of A adds to each output.</summary>
    private readonly struct Panels(int width, int bytes, int count, int chunks) : IDisposable
    {
        public int Count => count;

        public int Chunks => chunks;

        public int* Sums { get; } = (int*)NativeMemory.AllocZeroed((nuint)(count * width), sizeof(int));

        private readonly byte* packed = (byte*)NativeMemory.AlignedAlloc((nuint)count * (nuint)chunks * (nuint)bytes, 64);

        public byte* At(int panel, int chunk) => packed + (((long)(panel * chunks) + chunk) * bytes);

        public void Dispose()
        {
            NativeMemory.AlignedFree(packed);
            NativeMemory.Free(Sums);
        }
    }

    private struct BatchKernel<TTiles, TBatch, TRows> : IRangeKernel
        where TTiles : struct, IInt8Microkernel
        where TBatch : struct, IInt8Batch<TRows>
        where TRows : struct, IGemmEpilogue
    {
        public TTiles Tiles;
        public TBatch Batch;
        public (int N, int M, int K) Size;

        public void Run(int first, int end, int part)
        {
            using var panels = new Panels(Tiles.PanelWidth, Tiles.PanelBytes, Parts(Size.M, Tiles.PanelWidth), Parts(Size.K, Tiles.ChunkColumns));
            for (var item = first; item < end; item++)
            {
                var pack = new PackKernel<TTiles> { Tiles = Tiles, B = Batch.Right(item, out var stride), Stride = stride, Outputs = Size.M, Columns = Size.K, Panels = panels };
                pack.Run(0, panels.Count, part);
                var multiply = new MultiplyKernel<TTiles, TRows>
                {
                    Tiles = Tiles,
                    Rows = Batch.Rows(item),
                    A = Batch.Left(item),
                    Count = Size.N,
                    Outputs = Size.M,
                    Columns = Size.K,
                    Panels = panels,
                };
                multiply.Run(0, Parts(Size.N, Tiles.TileRows), part);
            }
        }
    }

    /// <summary>Lays out panels, and sums what the shift of A adds to each output.</summary>
    private struct PackKernel<TTiles> : IRangeKernel
        where TTiles : struct, IInt8Microkernel
    {
        public TTiles Tiles;
        public sbyte* B;
        public long Stride;
        public int Outputs, Columns;
        public Panels Panels;

        public readonly void Run(int first, int end, int part)
        {
            for (var panel = first; panel < end; panel++)
            {
                var output = panel * Tiles.PanelWidth;
                var b = B + (output * Stride);
                var outputs = Math.Min(Tiles.PanelWidth, Outputs - output);
                for (var chunk = 0; chunk < Panels.Chunks; chunk++)
                {
                    var column = chunk * Tiles.ChunkColumns;
                    var columns = Math.Min(Tiles.ChunkColumns, Columns - column);
                    Tiles.PackPanel(b + column, Stride, outputs, columns, Panels.At(panel, chunk));
                }

                for (var o = 0; o < outputs && Tiles.Origin != 0; o++)
                {
                    Panels.Sums[output + o] = Tiles.Origin * Sum(b + (o * Stride));
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly int Sum(sbyte* values)
        {
            var (sums, index) = (Vector256<short>.Zero, 0);
            var sum = 0;
            while (index <= Columns - Vector256<sbyte>.Count)
            {
                // A lane of 16 bits holds the sum of 256 bytes.
                for (var stop = Math.Min(Columns, index + (128 * Vector256<sbyte>.Count)); index <= stop - Vector256<sbyte>.Count; index += Vector256<sbyte>.Count)
                {
                    var (lower, upper) = Vector256.Widen(Vector256.Load(values + index));
                    sums += lower + upper;
                }

                var (low, high) = Vector256.Widen(sums);
                (sum, sums) = (sum + Vector256.Sum(low + high), Vector256<short>.Zero);
            }

            for (; index < Columns; index++)
            {
                sum += values[index];
            }

            return sum;
        }
    }

    private struct MultiplyKernel<TTiles, TRows> : IRangeKernel
        where TTiles : struct, IInt8Microkernel
        where TRows : struct, IGemmEpilogue
    {
        public TTiles Tiles;
        public TRows Rows;
        public sbyte* A;
        public int Count, Outputs, Columns;
        public Panels Panels;

        public void Run(int first, int end, int part)
        {
            var (height, width) = (Tiles.TileRows, Tiles.PanelWidth);
            // Sums of a panel go on from chunk to chunk; a single chunk needs no more than one panel's.
            var kept = Panels.Chunks == 1 ? 0 : height * width;
            var product = (int*)NativeMemory.AlignedAlloc((nuint)(((kept * (Panels.Count - 1)) + (height * width)) * sizeof(int)), 64);
            var packed = (byte*)NativeMemory.AlignedAlloc((nuint)Tiles.RowBytes, 64);
            try
            {
                for (var row = first * height; row < Math.Min(Count, end * height); row += height)
                {
                    var rows = Math.Min(height, Count - row);
                    for (var chunk = 0; chunk < Panels.Chunks; chunk++)
                    {
                        var column = chunk * Tiles.ChunkColumns;
                        var columns = Math.Min(Tiles.ChunkColumns, Columns - column);
                        Tiles.PackRows(A + ((long)row * Columns) + column, Columns, rows, columns, packed);
                        for (var panel = 0; panel < Panels.Count; panel++)
                        {
                            var sums = product + (panel * kept);
                            Tiles.Multiply(packed, Panels.At(panel, chunk), columns, chunk == 0 ? Panels.Sums + (panel * width) : null, sums);

                            // Panel by panel, so that the memory's time to take the outputs passes behind the next panel's sums.
                            if (chunk == Panels.Chunks - 1)
                            {
                                Rows.Take(row, rows, panel * width, Math.Min(width, Outputs - (panel * width)), sums, width);
                            }
                        }
                    }
                }
            }
            finally
            {
                NativeMemory.AlignedFree(product);
                NativeMemory.AlignedFree(packed);
            }
        }
    }
}
