using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using static TorchSharp.torch;

namespace Marrow.Kernels;

/// <summary>Products of a few rows of A with a panel of outputs of B, both laid out for it.</summary>
internal unsafe interface ILevelTiles
{
    /// <summary>Outputs of a panel.</summary>
    int PanelWidth { get; }

    /// <summary>The most columns of a panel, so that it and its rows stay in the first cache; sums are exact for as many.</summary>
    int ChunkColumns { get; }

    /// <summary>Bytes of a panel of <see cref="ChunkColumns"/> columns; a multiple of 64.</summary>
    int PanelBytes { get; }

    /// <summary>Bytes of <see cref="LevelGemm.TileRows"/> rows of as many columns.</summary>
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
    /// <param name="rows">How many there are, at most <see cref="LevelGemm.TileRows"/>.</param>
    /// <param name="columns">At most <see cref="ChunkColumns"/>.</param>
    /// <param name="packed">Where to.</param>
    void PackRows(sbyte* a, long stride, int rows, int columns, byte* packed);

    /// <summary>Adds the products of rows, less A's lowest level, with a panel.</summary>
    /// <param name="packed">The rows.</param>
    /// <param name="panel">The panel.</param>
    /// <param name="columns">Columns of both.</param>
    /// <param name="product">[<see cref="LevelGemm.TileRows"/>, <see cref="PanelWidth"/>].</param>
    /// <param name="stride">From one row of it to the next.</param>
    void Multiply(byte* packed, byte* panel, int columns, int* product, int stride);
}

/// <summary>What a matrix of integers holds: <c>Low + Spacing · (0 … Steps)</c>.</summary>
internal readonly unsafe record struct LevelSpan(int Low, int Spacing, int Steps)
{
    public int High => Low + (Spacing * Steps);

    /// <summary>Found by looking, which takes a hundredth of a product's time.</summary>
    public static LevelSpan Of(Tensor levels)
    {
        var values = levels.SignedBytes();
        var count = levels.numel();
        var (lows, highs, odds) = (Vector256.Create(sbyte.MaxValue), Vector256.Create(sbyte.MinValue), Vector256<sbyte>.One);
        var index = 0L;
        for (; index <= count - Vector256<sbyte>.Count; index += Vector256<sbyte>.Count)
        {
            var value = Vector256.Load(values + index);
            (lows, highs, odds) = (Vector256.Min(lows, value), Vector256.Max(highs, value), odds & value);
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
    /// <summary>Rows of A that share the loads of a panel.</summary>
    public const int TileRows = 4;

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
                Tiles = tiles, B = b.SignedBytes(), Outputs = m, Columns = k, Chunks = chunks, Low = low, Packed = packed, Sums = sums,
            };
            ThreadTeam.Run(ref pack, panels, b.numel());
            var multiply = new MultiplyKernel<TTiles, TRows>
            {
                Tiles = tiles, Rows = rows, A = a.SignedBytes(), Count = n, Columns = k, Panels = panels, Chunks = chunks, Packed = packed, Sums = sums,
            };
            ThreadTeam.Run(ref multiply, Parts(n, TileRows), (long)n * m);
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
        public int Count, Columns, Panels, Chunks;
        public byte* Packed;
        public int* Sums;

        public void Run(int first, int end, int part)
        {
            var width = Panels * Tiles.PanelWidth;
            var packed = (byte*)NativeMemory.AlignedAlloc((nuint)Tiles.RowBytes, 64);
            var product = (int*)NativeMemory.AlignedAlloc((nuint)(TileRows * width * sizeof(int)), 64);
            try
            {
                for (var tile = first; tile < end; tile++)
                {
                    var row = tile * TileRows;
                    var rows = Math.Min(TileRows, Count - row);
                    for (var r = 0; r < TileRows; r++)
                    {
                        new Span<int>(Sums, width).CopyTo(new Span<int>(product + (r * width), width));
                    }

                    for (var chunk = 0; chunk < Chunks; chunk++)
                    {
                        var column = chunk * Tiles.ChunkColumns;
                        var columns = Math.Min(Tiles.ChunkColumns, Columns - column);
                        Tiles.PackRows(A + ((long)row * Columns) + column, Columns, rows, columns, packed);
                        for (var panel = 0; panel < Panels; panel++)
                        {
                            var b = Packed + (((long)(panel * Chunks) + chunk) * Tiles.PanelBytes);
                            Tiles.Multiply(packed, b, columns, product + (panel * Tiles.PanelWidth), width);
                        }
                    }

                    for (var r = 0; r < rows; r++)
                    {
                        Rows.Take(row + r, product + (r * width));
                    }
                }
            }
            finally
            {
                NativeMemory.AlignedFree(packed);
                NativeMemory.AlignedFree(product);
            }
        }
    }
}
