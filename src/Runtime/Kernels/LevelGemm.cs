using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using static TorchSharp.torch;

namespace Marrow.Kernels;

/// <summary>
/// Exact products of small integers on AVX2. A is shifted to suit them: <c>A Bᵀ = (A − origin) Bᵀ + origin Σ_k B</c>. Four levels on each side take <see cref="PairTables"/>, more <see cref="ByteProducts"/>.
/// </summary>
internal static unsafe class LevelGemm
{
    /// <summary><c>A Bᵀ</c>, row by row.</summary>
    /// <param name="a">int8 [n, k], contiguous.</param>
    /// <param name="ofA">What a holds at most.</param>
    /// <param name="b">int8 [m, k], contiguous.</param>
    /// <param name="ofB">What b holds at most.</param>
    /// <param name="rows">Takes the n rows.</param>
    public static void Multiply<TRows>(Tensor a, LevelSpan ofA, Tensor b, LevelSpan ofB, ref TRows rows)
        where TRows : struct, IProductRows
    {
        if (ofA.High - ofA.Low <= 3 && ofB.Steps <= 3)
        {
            Run(new PairTables(ofA.Low, ofB), a, b, ref rows);
        }
        else
        {
            Run(new ByteProducts(ofA, ofB), a, b, ref rows);
        }
    }

    private static void Run<TTiles, TRows>(TTiles tiles, Tensor a, Tensor b, ref TRows rows)
        where TTiles : struct, ILevelTiles
        where TRows : struct, IProductRows
    {
        var (n, m, k) = ((int)a.size(0), (int)b.size(0), (int)a.size(1));
        var (panels, chunks) = (Parts(m, tiles.PanelWidth), Parts(k, tiles.ChunkColumns));
        var packed = (byte*)NativeMemory.AlignedAlloc((nuint)panels * (nuint)chunks * (nuint)tiles.PanelBytes, 64);
        var sums = (int*)NativeMemory.AllocZeroed((nuint)(panels * tiles.PanelWidth), sizeof(int));
        try
        {
            var pack = new PackKernel<TTiles>
            {
                Tiles = tiles,
                B = b.SignedBytes(),
                Outputs = m,
                Columns = k,
                Chunks = chunks,
                Packed = packed,
                Sums = sums,
            };
            ThreadTeam.Run(ref pack, panels, b.numel());
            var multiply = new MultiplyKernel<TTiles, TRows>
            {
                Tiles = tiles,
                Rows = rows,
                A = a.SignedBytes(),
                Count = n,
                Outputs = m,
                Columns = k,
                Panels = panels,
                Chunks = chunks,
                Packed = packed,
                Sums = sums,
            };
            ThreadTeam.Run(ref multiply, Parts(n, tiles.TileRows), (long)n * m);
        }
        finally
        {
            NativeMemory.AlignedFree(packed);
            NativeMemory.Free(sums);
        }
    }

    private static int Parts(int whole, int part) => (whole + part - 1) / part;

    /// <summary>Lays out panels, and sums what the shift of A adds to each output.</summary>
    private struct PackKernel<TTiles> : IRangeKernel
        where TTiles : struct, ILevelTiles
    {
        public TTiles Tiles;
        public sbyte* B;
        public int Outputs, Columns, Chunks;
        public byte* Packed;
        public int* Sums;

        public readonly void Run(int first, int end, int part)
        {
            for (var panel = first; panel < end; panel++)
            {
                var output = panel * Tiles.PanelWidth;
                var b = B + ((long)output * Columns);
                var outputs = Math.Min(Tiles.PanelWidth, Outputs - output);
                for (var chunk = 0; chunk < Chunks; chunk++)
                {
                    var column = chunk * Tiles.ChunkColumns;
                    var columns = Math.Min(Tiles.ChunkColumns, Columns - column);
                    Tiles.PackPanel(b + column, Columns, outputs, columns, Packed + (((long)(panel * Chunks) + chunk) * Tiles.PanelBytes));
                }

                for (var o = 0; o < outputs && Tiles.Origin != 0; o++)
                {
                    Sums[output + o] = Tiles.Origin * Sum(b + ((long)o * Columns));
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
        where TTiles : struct, ILevelTiles
        where TRows : struct, IProductRows
    {
        public TTiles Tiles;
        public TRows Rows;
        public sbyte* A;
        public int Count, Outputs, Columns, Panels, Chunks;
        public byte* Packed;
        public int* Sums;

        public void Run(int first, int end, int part)
        {
            var (height, width) = (Tiles.TileRows, Tiles.PanelWidth);
            // Sums of a panel go on from chunk to chunk; a single chunk needs no more than one panel's.
            var kept = Chunks == 1 ? 0 : height * width;
            var product = (int*)NativeMemory.AlignedAlloc((nuint)(((kept * (Panels - 1)) + (height * width)) * sizeof(int)), 64);
            var packed = (byte*)NativeMemory.AlignedAlloc((nuint)Tiles.RowBytes, 64);
            try
            {
                for (var row = first * height; row < Math.Min(Count, end * height); row += height)
                {
                    var rows = Math.Min(height, Count - row);
                    for (var chunk = 0; chunk < Chunks; chunk++)
                    {
                        var column = chunk * Tiles.ChunkColumns;
                        var columns = Math.Min(Tiles.ChunkColumns, Columns - column);
                        Tiles.PackRows(A + ((long)row * Columns) + column, Columns, rows, columns, packed);
                        for (var panel = 0; panel < Panels; panel++)
                        {
                            var sums = product + (panel * kept);
                            var b = Packed + (((long)(panel * Chunks) + chunk) * Tiles.PanelBytes);
                            Tiles.Multiply(packed, b, columns, chunk == 0 ? Sums + (panel * width) : null, sums);

                            // Panel by panel, so that the memory's time to take the outputs passes behind the next panel's sums.
                            if (chunk == Chunks - 1)
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
