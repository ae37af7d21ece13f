using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using static TorchSharp.torch;

namespace Marrow.Kernels;

/// <summary>
/// Products of any size. Their operands are laid out in panels first, and whatever an operand is made of can be made then; what is added to the
/// product is what its sums start from. So a method's formula costs no pass over memory beside its products.
/// </summary>
internal static unsafe class PanelProduct
{
    /// <summary>A product's columns must be a multiple of it where something is added to them.</summary>
    public const int TileColumns = 16;

    /// <summary>Rows of a tile.</summary>
    public const int TileRows = 6;

    /// <summary>
    /// The most steps that a tile adds up before its sums are put down. Panels are read from the second cache, from end to end, which keeps up with
    /// the multiplications; more and shorter passes over the sums would cost more than a panel that stays in the first cache saves.
    /// </summary>
    public const int MostSteps = 1088;

    /// <summary>Fewer rows are laid out once for all, and columns by the threads that multiply them; else it is the other way round.</summary>
    public const int FewRows = 96;

    // Panels of a at a time: 300 KiB, which stay in the second cache while panels of b come and go.
    private const int MostTiles = 12;

    // Panels a power of two apart would push one another out of the cache. And an operand may overwrite a little after its panel.
    private const int Apart = 80;

    // A pass over memory takes about as long for an entry as so many steps.
    private const int StepsOfElement = 16;

    // Floats of b that are laid out at a time.
    private const int MostPacked = 1 << 20;

    /// <summary>
    /// Whether these products are at least as fast as libtorch's: with AVX2 they are level with it, or a little ahead; its AVX-512 is twice as wide.
    /// </summary>
    public static bool IsFast { get; } = Avx2.IsSupported && Fma.IsSupported && !Avx512F.IsSupported;

    /// <summary>Whether so many lines waste less of their tiles as rows than as columns.</summary>
    public static bool AreBetterAsRows(long lines) => lines < FewRows && Parts((int)lines, TileRows) * TileRows < Parts((int)lines, TileColumns) * TileColumns;

    /// <summary><c>y = start + a b</c>.</summary>
    /// <param name="tile">The arithmetic.</param>
    /// <param name="left">The rows of a.</param>
    /// <param name="right">The columns of b.</param>
    /// <param name="start">What is added; asked only for whole panels of 16 columns.</param>
    /// <param name="y">[rows, columns]; rows may lie apart.</param>
    /// <param name="steps">Entries of a line.</param>
    /// <param name="unit">Lines are cut at multiples of it.</param>
    public static void Multiply<TTile, TLeft, TRight, TStart>(TTile tile, TLeft left, TRight right, TStart start, Tensor y, int steps, int unit = 1)
        where TTile : struct, IProductTile
        where TLeft : struct, IPanelOperand
        where TRight : struct, IPanelOperand
        where TStart : struct, IProductStart
    {
        if (!TensorMemory.AreFloats(y) || y.dim() != 2 || y.stride(1) != 1)
        {
            throw new ArgumentException($"A product is written to a float32 matrix on the CPU, not to {y.dtype} [{string.Join(", ", y.shape)}].", nameof(y));
        }

        var (rows, columns) = ((int)y.size(0), (int)y.size(1));
        if (rows == 0)
        {
            return;
        }

        // Without a step there is still a block, which writes what is added.
        var units = Math.Max(1, Parts(steps, unit));
        var blocks = Parts(units, Math.Max(1, MostSteps / unit));
        var most = Parts(units, blocks) * unit;
        var areFew = rows < FewRows;
        var panels = Parts(columns, TileColumns);
        var range = areFew ? columns : Parts(panels, Parts(panels, Math.Max(1, MostPacked / (most * TileColumns)))) * TileColumns;
        var next = areFew ? (TileRows * most) + Lanes.Count : (TileColumns * most) + Apart;
        using var packed = empty([areFew ? Parts(rows, TileRows) : range / TileColumns, next], dtype: ScalarType.Float32);
        for (var column = 0; column < columns; column += range)
        {
            for (var block = 0; block < blocks; block++)
            {
                var first = (int)((long)units * block / blocks) * unit;
                var end = Math.Min(steps, (int)((long)units * (block + 1) / blocks) * unit);
                var tiles = new Tiles<TTile, TStart>
                {
                    Tile = tile,
                    Start = start,
                    IsFirst = block == 0,
                    Y = y.Entries(),
                    Stride = y.stride(0),
                    Rows = rows,
                    Columns = columns,
                    Steps = end - first,
                };
                var work = (long)rows * Math.Min(range, columns - column) * Math.Max(1, tiles.Steps / StepsOfElement);
                if (areFew)
                {
                    left.Pack(0, rows, first, tiles.Steps, packed.Floats(), next, TileRows);
                    var few = new FewRowsKernel<TTile, TRight, TStart> { Tiles = tiles, Right = right, Step = first, Next = next, Packed = packed.Floats() };
                    ThreadTeam.Run(ref few, few.Items, work);
                    continue;
                }

                var pack = new PackKernel<TRight>
                {
                    Right = right,
                    Column = column,
                    Columns = Math.Min(range, columns - column),
                    Step = first,
                    Steps = tiles.Steps,
                    Next = next,
                    Packed = packed.Floats(),
                };
                ThreadTeam.Run(ref pack, pack.Items, (long)pack.Columns * pack.Steps);
                var multiply = new MultiplyKernel<TTile, TLeft, TStart>
                {
                    Tiles = tiles,
                    Left = left,
                    Column = column,
                    Columns = pack.Columns,
                    Step = first,
                    Next = next,
                    Packed = packed.Floats(),
                };
                ThreadTeam.Run(ref multiply, multiply.Items, work);
            }
        }
    }

    private static int Parts(int whole, int part) => (whole + part - 1) / part;

    private struct PackKernel<TRight> : IRangeKernel
        where TRight : struct, IPanelOperand
    {
        public TRight Right;
        public int Column, Columns, Step, Steps;
        public long Next;
        public float* Packed;

        public readonly int Items => Parts(Panels, Group);

        private readonly int Panels => Parts(Columns, TileColumns);

        // Adjacent panels together, where there are enough: what they are made of lies in the same lines of the cache.
        private readonly int Group => Math.Clamp(Panels / 8, 1, 4);

        public readonly void Run(int first, int end, int part)
        {
            var (panel, column) = (first * Group, first * Group * TileColumns);
            Right.Pack(
                Column + column, Math.Min(Columns, end * Group * TileColumns) - column, Step, Steps, Packed + (panel * Next), Next, TileColumns);
        }
    }

    /// <summary>An item is some rows of tiles.</summary>
    private struct MultiplyKernel<TTile, TLeft, TStart> : IRangeKernel
        where TTile : struct, IProductTile
        where TLeft : struct, IPanelOperand
        where TStart : struct, IProductStart
    {
        // Rows of items come in fours, so that neither two threads nor four wait for one that has the odd item.
        private const int Shares = 4;

        public Tiles<TTile, TStart> Tiles;
        public TLeft Left;
        public int Column, Columns, Step;
        public long Next;
        public float* Packed;

        public readonly int Items => Parts(RowTiles, MostTiles * Shares) * Shares;

        private readonly int RowTiles => Parts(Tiles.Rows, TileRows);

        public readonly void Run(int first, int end, int part)
        {
            var next = (TileRows * Tiles.Steps) + Lanes.Count; // an operand may overwrite a little after its panel
            var a = (float*)NativeMemory.AlignedAlloc((nuint)(MostTiles * next * sizeof(float)), 64);
            try
            {
                for (var item = first; item < end; item++)
                {
                    var (row, rowEnd) = (Row(item), Math.Min(Tiles.Rows, Row(item + 1)));
                    Left.Pack(row, rowEnd - row, Step, Tiles.Steps, a, next, TileRows);
                    for (var column = 0; column < Columns; column += TileColumns)
                    {
                        var panel = a;
                        for (var r = row; r < rowEnd; r += TileRows, panel += next)
                        {
                            Tiles.Multiply(panel, Packed + (column / TileColumns * Next), r, Column + column);
                        }
                    }
                }
            }
            finally
            {
                NativeMemory.AlignedFree(a);
            }
        }

        private readonly int Row(int item) => (int)((long)RowTiles * item / Items) * TileRows;
    }

    /// <summary>The other way round: rows of a are laid out already, and an item is a few panels of b, which pass through the cache once.</summary>
    private struct FewRowsKernel<TTile, TRight, TStart> : IRangeKernel
        where TTile : struct, IProductTile
        where TRight : struct, IPanelOperand
        where TStart : struct, IProductStart
    {
        public Tiles<TTile, TStart> Tiles;
        public TRight Right;
        public int Step;
        public long Next;
        public float* Packed;

        public readonly int Items => Parts(Tiles.Columns, Columns);

        private readonly int Columns => Math.Clamp(Tiles.Columns / (16 * TileColumns), 1, 4) * TileColumns;

        public readonly void Run(int first, int end, int part)
        {
            var next = (TileColumns * Tiles.Steps) + Apart;
            var b = (float*)NativeMemory.AlignedAlloc((nuint)(Columns / TileColumns * next * sizeof(float)), 64);
            try
            {
                for (var item = first; item < end; item++)
                {
                    var (column, columnEnd) = (item * Columns, Math.Min(Tiles.Columns, (item + 1) * Columns));
                    Right.Pack(column, columnEnd - column, Step, Tiles.Steps, b, next, TileColumns);
                    for (var panel = b; column < columnEnd; column += TileColumns, panel += next)
                    {
                        for (var row = 0; row < Tiles.Rows; row += TileRows)
                        {
                            Tiles.Multiply(Packed + (row / TileRows * Next), panel, row, column);
                        }
                    }
                }
            }
            finally
            {
                NativeMemory.AlignedFree(b);
            }
        }
    }

    /// <summary>What of y comes of one block of steps, tile by tile.</summary>
    private struct Tiles<TTile, TStart>
        where TTile : struct, IProductTile
        where TStart : struct, IProductStart
    {
        public TTile Tile;
        public TStart Start;
        public bool IsFirst;
        public float* Y;
        public long Stride;
        public int Rows, Columns, Steps;

        public readonly void Multiply(float* a, float* b, int row, int column)
        {
            var y = Y + (row * Stride) + column;
            if (Rows - row < TileRows || Columns - column < TileColumns)
            {
                MultiplyPart(a, b, y, row, column);
            }
            else if (IsFirst)
            {
                Tile.Multiply(a, b, Steps, y, Stride, row, column, in Start);
            }
            else
            {
                Tile.Multiply(a, b, Steps, y, Stride, row, column, new Present(Y, Stride));
            }
        }

        /// <summary>A tile that is not whole.</summary>
        private readonly void MultiplyPart(float* a, float* b, float* y, int row, int column)
        {
            var sums = stackalloc float[TileRows * TileColumns];
            Tile.Multiply(a, b, Steps, sums, TileColumns, row, column, default(NoStart));
            for (var r = 0; r < Math.Min(TileRows, Rows - row); r++)
            {
                for (var c = 0; c < Math.Min(TileColumns, Columns - column); c++)
                {
                    y[(r * Stride) + c] = sums[(r * TileColumns) + c]
                        + (IsFirst ? Start.At(row + r, column + (c & ~7))[c & 7] : y[(r * Stride) + c]);
                }
            }
        }
    }
}
