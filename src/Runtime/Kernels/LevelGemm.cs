using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using static TorchSharp.torch;

namespace Marrow.Kernels;

/// <summary>Products of a few rows of A with a panel of outputs of B, both laid out for it.</summary>
internal unsafe interface ILevelTiles
{
    /// <summary>Rows of A that share the loads of a panel.</summary>
    int TileRows { get; }

    /// <summary>Outputs of a panel.</summary>
    int PanelWidth { get; }

    /// <summary>The most columns of a panel, so that it and its rows stay in the first cache; sums are exact for as many.</summary>
    int ChunkColumns { get; }

    /// <summary>Bytes of a panel of <see cref="ChunkColumns"/> columns; a multiple of 64.</summary>
    int PanelBytes { get; }

    /// <summary>Bytes of <see cref="TileRows"/> rows of as many columns.</summary>
    int RowBytes { get; }

    /// <summary>Lays out a panel.</summary>
    /// <param name="b">The first output's first column.</param>
    /// <param name="stride">From one output to the next.</param>
    /// <param name="outputs">How many there are, at most <see cref="PanelWidth"/>.</param>
    /// <param name="columns">At most <see cref="ChunkColumns"/>.</param>
    /// <param name="panel">Where to.</param>
    void PackPanel(sbyte* b, long stride, int outputs, int columns, byte* panel);

    /// <summary>Lays out rows of A.</summary>
    /// <param name="a">The first row's first column.</param>
    /// <param name="stride">From one row to the next.</param>
    /// <param name="rows">How many there are, at most <see cref="TileRows"/>.</param>
    /// <param name="columns">At most <see cref="ChunkColumns"/>.</param>
    /// <param name="packed">Where to.</param>
    void PackRows(sbyte* a, long stride, int rows, int columns, byte* packed);

    /// <summary>The products of rows, less A's lowest level, with a panel.</summary>
    /// <param name="packed">The rows.</param>
    /// <param name="panel">The panel.</param>
    /// <param name="columns">Columns of both.</param>
    /// <param name="start">What they are added to, [<see cref="PanelWidth"/>] for every row; null for the product so far.</param>
    /// <param name="product">[<see cref="TileRows"/>, <see cref="PanelWidth"/>].</param>
    void Multiply(byte* packed, byte* panel, int columns, int* start, int* product);
}

/// <summary>What a matrix of integers holds: <c>Low + Spacing · (0 … Steps)</c>.</summary>
internal readonly unsafe record struct LevelSpan(int Low, int Spacing, int Steps)
{
    public int High => Low + (Spacing * Steps);

    /// <summary>Found by looking, which takes a hundredth of a product's time.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static LevelSpan Of(Tensor levels)
    {
        var values = levels.SignedBytes();
        var count = levels.numel();
        var (lows, highs, odds) = (Vector256.Create(sbyte.MaxValue), Vector256.Create(sbyte.MinValue), Vector256<sbyte>.One);
        var index = 0L;
        for (; index <= count - Vector256<sbyte>.Count; index += Vector256<sbyte>.Count)
        {
            var value = Vector256.Load(values + index);
            lows = Vector256.Min(lows, value);
            highs = Vector256.Max(highs, value);
            odds &= value;
        }

        var (low, high, odd) = ((int)sbyte.MaxValue, (int)sbyte.MinValue, 1);
        for (var lane = 0; lane < Vector256<sbyte>.Count; lane++)
        {
            (low, high, odd) = (Math.Min(low, lows[lane]), Math.Max(high, highs[lane]), odd & odds[lane]);
        }

        for (; index < count; index++)
        {
            (low, high, odd) = (Math.Min(low, values[index]), Math.Max(high, values[index]), odd & values[index]);
        }

        return new(low, 1 + odd, (high - low) >> odd);
    }
}

/// <summary>
/// Exact products of small integers on AVX2. It multiplies unsigned with signed bytes, so A is shifted to begin at zero:
/// <c>A Bᵀ = (A − low) Bᵀ + low Σ_k B</c>. Four levels on each side take <see cref="PairTables"/>, more <see cref="ByteProducts"/>.
/// </summary>
internal static unsafe class LevelGemm
{
    /// <summary><c>A Bᵀ</c>, row by row.</summary>
    /// <param name="a">int8 [n, k], contiguous.</param>
    /// <param name="b">int8 [m, k], contiguous.</param>
    /// <param name="rows">Takes the n rows.</param>
    public static void Multiply<TRows>(Tensor a, Tensor b, ref TRows rows)
        where TRows : struct, IProductRows
    {
        var (ofA, ofB) = (LevelSpan.Of(a), LevelSpan.Of(b));
        if (ofA.High - ofA.Low <= 3 && ofB.Steps <= 3)
        {
            Run(new PairTables(ofA.Low, ofB), ofA.Low, a, b, ref rows);
        }
        else
        {
            Run(new ByteProducts(ofA, ofB), ofA.Low, a, b, ref rows);
        }
    }

    private static void Run<TTiles, TRows>(TTiles tiles, int low, Tensor a, Tensor b, ref TRows rows)
        where TTiles : struct, ILevelTiles
        where TRows : struct, IProductRows
    {
        var (n, m, k) = ((int)a.shape[0], (int)b.shape[0], (int)a.shape[1]);
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
                Low = low,
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
        public int Outputs, Columns, Chunks, Low;
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

                for (var o = 0; o < outputs && Low != 0; o++)
                {
                    Sums[output + o] = Low * Sum(b + ((long)o * Columns));
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
            var product = (int*)NativeMemory.AlignedAlloc((nuint)(height * Panels * width * sizeof(int)), 64);
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
                            var sums = product + (panel * height * width);
                            var b = Packed + (((long)(panel * Chunks) + chunk) * Tiles.PanelBytes);
                            Tiles.Multiply(packed, b, columns, chunk == 0 ? Sums + (panel * width) : null, sums);

                            // Panel by panel, so that the memory's time to take the outputs passes behind the next panel's sums.
                            for (var r = 0; chunk == Chunks - 1 && r < rows; r++)
                            {
                                Rows.Take(row + r, panel * width, Math.Min(width, Outputs - (panel * width)), sums + (r * width));
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
