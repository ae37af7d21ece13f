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

    // Panels that a thread lays out for itself: 300 KiB, which stay in the second cache while the other side's come and go.
    private const int MostRowPanels = 12, MostColumnPanels = 4;

    // Items enough for threads of unequal speed to be done at the same time; with fewer panels than that, the other side would be read too often.
    private const int LeastRowPanels = 2;

    // Panels a power of two apart would push one another out of the cache. And an operand may overwrite a little after its panel.
    private const int Apart = 80;

    // A pass over memory takes about as long for an entry as so many steps.
    private const int StepsOfElement = 16;

    // Floats that are laid out for all threads at a time, 2 MiB: some of a large weight, never all of it.
    private const int MostPacked = 512 * MostSteps;

    // With more lines than that, tiles that are not whole are too few to matter.
    private const int MostThin = 96;

    /// <summary>
    /// Whether these products are at least as fast as libtorch's: with AVX2 they are level with it, or a little ahead; its AVX-512 is twice as wide.
    /// </summary>
    public static bool IsFast { get; } = Avx2.IsSupported && Fma.IsSupported && !Avx512F.IsSupported;

    /// <summary>In how many parts a whole is cut.</summary>
    public static int Parts(int whole, int part) => (whole + part - 1) / part;

    /// <summary>Whether so many lines waste less of their tiles as rows than as columns.</summary>
    public static bool AreBetterAsRows(long lines) => lines < MostThin && Parts((int)lines, TileRows) * TileRows < Parts((int)lines, TileColumns) * TileColumns;

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
        if (rows == 0 || columns == 0)
        {
            return;
        }

        // Without a step there is still a block, which writes what is added.
        var units = Math.Max(1, Parts(steps, unit));
        var blocks = Parts(units, Math.Max(1, MostSteps / unit));
        var most = Parts(units, blocks) * unit;
        var (rowPanels, columnPanels) = (Parts(rows, TileRows), Parts(columns, TileColumns));
        long rowNext = (TileRows * most) + Lanes.Count, columnNext = (TileColumns * most) + Apart;

        // The smaller side is laid out once for all, and the other by the threads that multiply it.
        var areRows = rows <= columns && rowPanels * rowNext <= MostPacked;
        var range = Parts(columnPanels, Parts(columnPanels, (int)Math.Max(1, MostPacked / columnNext)));
        using var packed = empty([areRows ? rowPanels * rowNext : range * columnNext], dtype: ScalarType.Float32);
        for (var block = 0; block < blocks; block++)
        {
            var first = (int)((long)units * block / blocks) * unit;
            var end = Math.Min(steps, (int)((long)units * (block + 1) / blocks) * unit);
            var tiles = new ProductTiles<TTile, TStart>
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
            if (areRows)
            {
                var panels = new Panels(packed.Floats(), rowNext, TileRows);
                LayOut(left, 0, rows, first, tiles.Steps, panels);
                var multiply = new ColumnPanelsKernel<TTile, TRight, TStart> { Tiles = tiles, Right = right, LaidOut = panels, Step = first, Next = columnNext };
                ThreadTeam.Run(ref multiply, multiply.Items, Work(tiles, columns));
                continue;
            }

            for (var column = 0; column < columns; column += range * TileColumns)
            {
                var panels = new Panels(packed.Floats(), columnNext, TileColumns);
                var count = Math.Min(range * TileColumns, columns - column);
                LayOut(right, column, count, first, tiles.Steps, panels);
                var multiply = new RowPanelsKernel<TTile, TLeft, TStart>
                {
                    Tiles = tiles,
                    Left = left,
                    LaidOut = panels,
                    Column = column,
                    Columns = count,
                    Items = Math.Max(Parts(rowPanels, MostRowPanels), Math.Min(rowPanels / LeastRowPanels, ThreadTeam.MostParts)),
                    Step = first,
                    Next = rowNext,
                };
                ThreadTeam.Run(ref multiply, multiply.Items, Work(tiles, count));
            }
        }
    }

    private static void LayOut<TOperand>(TOperand operand, int line, int lines, int step, int steps, Panels panels)
        where TOperand : struct, IPanelOperand
    {
        var kernel = new LayOutKernel<TOperand> { Operand = operand, Line = line, Lines = lines, Step = step, Steps = steps, Panels = panels };
        ThreadTeam.Run(ref kernel, kernel.Items, (long)lines * steps);
    }

    private static long Work<TTile, TStart>(ProductTiles<TTile, TStart> tiles, int columns)
        where TTile : struct, IProductTile
        where TStart : struct, IProductStart => (long)tiles.Rows * columns * Math.Max(1, tiles.Steps / StepsOfElement);

    /// <summary>Panels in a row.</summary>
    private readonly struct Panels(float* first, long next, int width)
    {
        public long Next => next;

        public int Width => width;

        /// <summary>The panel that begins with a line.</summary>
        public float* At(int line) => first + (line / width * next);
    }

    private struct LayOutKernel<TOperand> : IRangeKernel
        where TOperand : struct, IPanelOperand
    {
        public TOperand Operand;
        public int Line, Lines, Step, Steps;
        public Panels Panels;

        public readonly int Items => Parts(Lines, Group);

        // Adjacent panels together, where there are enough: what they are made of lies in the same lines of the cache.
        private readonly int Group => Math.Clamp(Lines / (8 * Panels.Width), 1, 4) * Panels.Width;

        public readonly void Run(int first, int end, int part)
        {
            var line = first * Group;
            Operand.Pack(Line + line, Math.Min(Lines, end * Group) - line, Step, Steps, Panels.At(line), Panels.Next, Panels.Width);
        }
    }

    /// <summary>Columns are laid out; an item is some panels of rows.</summary>
    private struct RowPanelsKernel<TTile, TLeft, TStart> : IRangeKernel
        where TTile : struct, IProductTile
        where TLeft : struct, IPanelOperand
        where TStart : struct, IProductStart
    {
        public ProductTiles<TTile, TStart> Tiles;
        public TLeft Left;
        public Panels LaidOut;
        public int Column, Columns, Step;
        public long Next;

        // The caller counts them: another thread may be told another number of threads.
        public int Items;

        public readonly void Run(int first, int end, int part)
        {
            var a = (float*)NativeMemory.AlignedAlloc((nuint)(MostRowPanels * Next * sizeof(float)), 64);
            try
            {
                for (var item = first; item < end; item++)
                {
                    var (row, rowEnd) = (Row(item), Math.Min(Tiles.Rows, Row(item + 1)));
                    Left.Pack(row, rowEnd - row, Step, Tiles.Steps, a, Next, TileRows);
                    for (var column = 0; column < Columns; column += TileColumns)
                    {
                        var panel = a;
                        for (var r = row; r < rowEnd; r += TileRows, panel += Next)
                        {
                            Tiles.Multiply(panel, LaidOut.At(column), r, Column + column);
                        }
                    }
                }
            }
            finally
            {
                NativeMemory.AlignedFree(a);
            }
        }

        private readonly int Row(int item) => (int)((long)Parts(Tiles.Rows, TileRows) * item / Items) * TileRows;
    }

    /// <summary>Rows are laid out; an item is some panels of columns.</summary>
    private struct ColumnPanelsKernel<TTile, TRight, TStart> : IRangeKernel
        where TTile : struct, IProductTile
        where TRight : struct, IPanelOperand
        where TStart : struct, IProductStart
    {
        public ProductTiles<TTile, TStart> Tiles;
        public TRight Right;
        public Panels LaidOut;
        public int Step;
        public long Next;

        public readonly int Items => Parts(Tiles.Columns, Columns);

        private readonly int Columns => Math.Clamp(Tiles.Columns / (16 * TileColumns), 1, MostColumnPanels) * TileColumns;

        public readonly void Run(int first, int end, int part)
        {
            var b = (float*)NativeMemory.AlignedAlloc((nuint)(MostColumnPanels * Next * sizeof(float)), 64);
            try
            {
                for (var item = first; item < end; item++)
                {
                    var (column, columnEnd) = (item * Columns, Math.Min(Tiles.Columns, (item + 1) * Columns));
                    Right.Pack(column, columnEnd - column, Step, Tiles.Steps, b, Next, TileColumns);
                    for (var row = 0; row < Tiles.Rows; row += TileRows)
                    {
                        var panel = b;
                        for (var c = column; c < columnEnd; c += TileColumns, panel += Next)
                        {
                            Tiles.Multiply(LaidOut.At(row), panel, row, c);
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
}
