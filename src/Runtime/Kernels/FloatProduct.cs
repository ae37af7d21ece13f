using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using static TorchSharp.torch;

namespace Marrow.Kernels;

/// <summary>
/// Float32 products of any size. Their operands are laid out in panels first, and whatever an operand is made of can be made then; what is added to
/// the product is what its sums start from. So a method's formula costs no pass over memory beside its products.
/// </summary>
internal static unsafe class FloatProduct
{
    /// <summary>A product's columns must be a multiple of it where something is added to them.</summary>
    public const int TileColumns = 16;

    private const int TileRows = 6;

    // A panel of b of so many steps takes the first cache, which tiles of a pass by; fewer steps would be more passes over y.
    private const int MostSteps = 512;

    // Panels of a at a time: they stay in the second cache, where panels of b come and go.
    private const int MostTiles = 16;

    // Floats of b that are laid out at a time.
    private const int MostPacked = 1 << 20;

    /// <summary>
    /// Whether these products are at least as fast as libtorch's: with AVX2 they are level with it, or a little ahead; its AVX-512 is twice as wide.
    /// </summary>
    public static bool IsFast { get; } = Avx2.IsSupported && Fma.IsSupported && !Avx512F.IsSupported;

    /// <summary><c>y = start + a b</c>.</summary>
    /// <param name="left">The rows of a.</param>
    /// <param name="right">The columns of b.</param>
    /// <param name="start">What is added; asked only for whole panels of 16 columns.</param>
    /// <param name="y">[rows, columns]; rows may lie apart.</param>
    /// <param name="steps">Entries of a line.</param>
    /// <param name="unit">Lines are cut at multiples of it.</param>
    public static void Multiply<TLeft, TRight, TStart>(TLeft left, TRight right, TStart start, Tensor y, int steps, int unit = 1)
        where TLeft : struct, IFloatOperand
        where TRight : struct, IFloatOperand
        where TStart : struct, IProductStart
    {
        var (rows, columns) = ((int)y.shape[0], (int)y.shape[1]);
        var units = Parts(steps, unit);
        var blocks = Parts(units, Math.Max(1, MostSteps / unit));
        var most = Parts(units, blocks) * unit;
        var range = Math.Min(Parts(columns, TileColumns), Math.Max(1, MostPacked / (most * TileColumns))) * TileColumns;
        var next = (TileColumns * most) + 48;
        using var packed = empty([range / TileColumns, next], dtype: ScalarType.Float32);
        for (var column = 0; column < columns; column += range)
        {
            for (var block = 0; block < blocks; block++)
            {
                var first = (int)((long)units * block / blocks) * unit;
                var end = Math.Min(steps, (int)((long)units * (block + 1) / blocks) * unit);
                var pack = new PackKernel<TRight>
                {
                    Right = right,
                    Column = column,
                    Columns = Math.Min(range, columns - column),
                    Step = first,
                    Steps = end - first,
                    Next = next,
                    Packed = packed.Floats(),
                };
                ThreadTeam.Share(ref pack, Parts(pack.Columns, TileColumns), (long)pack.Columns * pack.Steps, few: 4);
                var multiply = new MultiplyKernel<TLeft, TStart>
                {
                    Left = left,
                    Start = start,
                    IsFirst = block == 0,
                    Y = y.Entries(),
                    Stride = y.stride(0),
                    Rows = rows,
                    Column = column,
                    Columns = pack.Columns,
                    Step = first,
                    Steps = pack.Steps,
                    Next = next,
                    Packed = packed.Floats(),
                };
                ThreadTeam.Share(ref multiply, multiply.Items, (long)rows * pack.Columns);
            }
        }
    }

    private static int Parts(int whole, int part) => (whole + part - 1) / part;

    private struct PackKernel<TRight> : IRangeKernel
        where TRight : struct, IFloatOperand
    {
        public TRight Right;
        public int Column, Columns, Step, Steps;
        public long Next;
        public float* Packed;

        public readonly void Run(int first, int end, int part)
        {
            var column = first * TileColumns;
            Right.Pack(Column + column, Math.Min(Columns, end * TileColumns) - column, Step, Steps, Packed + (first * Next), Next, TileColumns);
        }
    }

    /// <summary>An item is some rows of tiles; where rows are few, some columns of them.</summary>
    private struct MultiplyKernel<TLeft, TStart> : IRangeKernel
        where TLeft : struct, IFloatOperand
        where TStart : struct, IProductStart
    {
        // Items to share, so that a slow thread holds nobody up for long.
        private const int Shares = 4;

        public TLeft Left;
        public TStart Start;
        public bool IsFirst;
        public float* Y;
        public long Stride;
        public int Rows, Column, Columns, Step, Steps;
        public long Next;
        public float* Packed;

        public readonly int Items => RowParts * ColumnParts;

        private readonly int RowParts => Math.Min(Parts(Rows, TileRows), Parts(Parts(Parts(Rows, TileRows), MostTiles), Shares) * Shares);

        private readonly int ColumnParts => Math.Min(Parts(Columns, TileColumns), Parts(Shares, RowParts));

        public readonly void Run(int first, int end, int part)
        {
            var next = (TileRows * Steps) + Lanes.Count; // an operand may overwrite a little after its panel
            var a = (float*)NativeMemory.AlignedAlloc((nuint)(MostTiles * next * sizeof(float)), 64);
            for (var item = first; item < end; item++)
            {
                var (row, rowEnd) = Range(item / ColumnParts, RowParts, Rows, TileRows);
                var (column, columnEnd) = Range(item % ColumnParts, ColumnParts, Columns, TileColumns);
                Left.Pack(row, rowEnd - row, Step, Steps, a, next, TileRows);
                for (; column < columnEnd; column += TileColumns)
                {
                    var panel = a;
                    for (var r = row; r < rowEnd; r += TileRows, panel += next)
                    {
                        Multiply(panel, Packed + (column / TileColumns * Next), r, column);
                    }
                }
            }

            NativeMemory.AlignedFree(a);
        }

        /// <summary>A part of a whole, cut at multiples of a tile's size.</summary>
        private static (int First, int End) Range(int part, int parts, int whole, int size)
        {
            var tiles = Parts(whole, size);
            return ((int)((long)tiles * part / parts) * size, Math.Min(whole, (int)((long)tiles * (part + 1) / parts) * size));
        }

        private readonly void Multiply(float* a, float* b, int row, int column)
        {
            var y = Y + (row * Stride) + Column + column;
            if (Rows - row < TileRows || Columns - column < TileColumns)
            {
                MultiplyPart(a, b, y, row, column);
            }
            else if (IsFirst)
            {
                Tile(a, b, Steps, y, Stride, row, Column + column, in Start);
            }
            else
            {
                Tile(a, b, Steps, y, Stride, 0, 0, new Present(y, Stride));
            }
        }

        /// <summary>A tile that is not whole.</summary>
        private readonly void MultiplyPart(float* a, float* b, float* y, int row, int column)
        {
            var sums = stackalloc float[TileRows * TileColumns];
            Tile(a, b, Steps, sums, TileColumns, 0, 0, default(NoStart));
            for (var r = 0; r < Math.Min(TileRows, Rows - row); r++)
            {
                for (var c = 0; c < Math.Min(TileColumns, Columns - column); c++)
                {
                    y[(r * Stride) + c] = sums[(r * TileColumns) + c]
                        + (IsFirst ? Start.At(row + r, Column + column + (c & ~7))[c & 7] : y[(r * Stride) + c]);
                }
            }
        }
    }

    // 12 sums, two vectors of b and one entry of a: the sixteen registers of AVX2 hold no more. What is there already is added at the end, so that the
    // next tile's products need not wait for it.
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void Tile<TStart>(float* a, float* b, int steps, float* y, long stride, int row, int column, in TStart start)
        where TStart : struct, IProductStart
    {
        Vector256<float> a0 = default, a8 = default, b0 = default, b8 = default, c0 = default, c8 = default;
        Vector256<float> d0 = default, d8 = default, e0 = default, e8 = default, f0 = default, f8 = default;
        Vector256<float> left, right, entry;
        var whole = b + ((long)(steps & ~3) * TileColumns);
        for (; b < whole; a += 4 * TileRows, b += 4 * TileColumns)
        {
            left = Vector256.Load(b + 0);
            right = Vector256.Load(b + 8);
            entry = Vector256.Create(a[0]);
            a0 = Vector256.MultiplyAddEstimate(entry, left, a0);
            a8 = Vector256.MultiplyAddEstimate(entry, right, a8);
            entry = Vector256.Create(a[1]);
            b0 = Vector256.MultiplyAddEstimate(entry, left, b0);
            b8 = Vector256.MultiplyAddEstimate(entry, right, b8);
            entry = Vector256.Create(a[2]);
            c0 = Vector256.MultiplyAddEstimate(entry, left, c0);
            c8 = Vector256.MultiplyAddEstimate(entry, right, c8);
            entry = Vector256.Create(a[3]);
            d0 = Vector256.MultiplyAddEstimate(entry, left, d0);
            d8 = Vector256.MultiplyAddEstimate(entry, right, d8);
            entry = Vector256.Create(a[4]);
            e0 = Vector256.MultiplyAddEstimate(entry, left, e0);
            e8 = Vector256.MultiplyAddEstimate(entry, right, e8);
            entry = Vector256.Create(a[5]);
            f0 = Vector256.MultiplyAddEstimate(entry, left, f0);
            f8 = Vector256.MultiplyAddEstimate(entry, right, f8);
            left = Vector256.Load(b + 16);
            right = Vector256.Load(b + 24);
            entry = Vector256.Create(a[6]);
            a0 = Vector256.MultiplyAddEstimate(entry, left, a0);
            a8 = Vector256.MultiplyAddEstimate(entry, right, a8);
            entry = Vector256.Create(a[7]);
            b0 = Vector256.MultiplyAddEstimate(entry, left, b0);
            b8 = Vector256.MultiplyAddEstimate(entry, right, b8);
            entry = Vector256.Create(a[8]);
            c0 = Vector256.MultiplyAddEstimate(entry, left, c0);
            c8 = Vector256.MultiplyAddEstimate(entry, right, c8);
            entry = Vector256.Create(a[9]);
            d0 = Vector256.MultiplyAddEstimate(entry, left, d0);
            d8 = Vector256.MultiplyAddEstimate(entry, right, d8);
            entry = Vector256.Create(a[10]);
            e0 = Vector256.MultiplyAddEstimate(entry, left, e0);
            e8 = Vector256.MultiplyAddEstimate(entry, right, e8);
            entry = Vector256.Create(a[11]);
            f0 = Vector256.MultiplyAddEstimate(entry, left, f0);
            f8 = Vector256.MultiplyAddEstimate(entry, right, f8);
            left = Vector256.Load(b + 32);
            right = Vector256.Load(b + 40);
            entry = Vector256.Create(a[12]);
            a0 = Vector256.MultiplyAddEstimate(entry, left, a0);
            a8 = Vector256.MultiplyAddEstimate(entry, right, a8);
            entry = Vector256.Create(a[13]);
            b0 = Vector256.MultiplyAddEstimate(entry, left, b0);
            b8 = Vector256.MultiplyAddEstimate(entry, right, b8);
            entry = Vector256.Create(a[14]);
            c0 = Vector256.MultiplyAddEstimate(entry, left, c0);
            c8 = Vector256.MultiplyAddEstimate(entry, right, c8);
            entry = Vector256.Create(a[15]);
            d0 = Vector256.MultiplyAddEstimate(entry, left, d0);
            d8 = Vector256.MultiplyAddEstimate(entry, right, d8);
            entry = Vector256.Create(a[16]);
            e0 = Vector256.MultiplyAddEstimate(entry, left, e0);
            e8 = Vector256.MultiplyAddEstimate(entry, right, e8);
            entry = Vector256.Create(a[17]);
            f0 = Vector256.MultiplyAddEstimate(entry, left, f0);
            f8 = Vector256.MultiplyAddEstimate(entry, right, f8);
            left = Vector256.Load(b + 48);
            right = Vector256.Load(b + 56);
            entry = Vector256.Create(a[18]);
            a0 = Vector256.MultiplyAddEstimate(entry, left, a0);
            a8 = Vector256.MultiplyAddEstimate(entry, right, a8);
            entry = Vector256.Create(a[19]);
            b0 = Vector256.MultiplyAddEstimate(entry, left, b0);
            b8 = Vector256.MultiplyAddEstimate(entry, right, b8);
            entry = Vector256.Create(a[20]);
            c0 = Vector256.MultiplyAddEstimate(entry, left, c0);
            c8 = Vector256.MultiplyAddEstimate(entry, right, c8);
            entry = Vector256.Create(a[21]);
            d0 = Vector256.MultiplyAddEstimate(entry, left, d0);
            d8 = Vector256.MultiplyAddEstimate(entry, right, d8);
            entry = Vector256.Create(a[22]);
            e0 = Vector256.MultiplyAddEstimate(entry, left, e0);
            e8 = Vector256.MultiplyAddEstimate(entry, right, e8);
            entry = Vector256.Create(a[23]);
            f0 = Vector256.MultiplyAddEstimate(entry, left, f0);
            f8 = Vector256.MultiplyAddEstimate(entry, right, f8);
        }

        for (var rest = steps & 3; rest > 0; rest--, a += TileRows, b += TileColumns)
        {
            left = Vector256.Load(b + 0);
            right = Vector256.Load(b + 8);
            entry = Vector256.Create(a[0]);
            a0 = Vector256.MultiplyAddEstimate(entry, left, a0);
            a8 = Vector256.MultiplyAddEstimate(entry, right, a8);
            entry = Vector256.Create(a[1]);
            b0 = Vector256.MultiplyAddEstimate(entry, left, b0);
            b8 = Vector256.MultiplyAddEstimate(entry, right, b8);
            entry = Vector256.Create(a[2]);
            c0 = Vector256.MultiplyAddEstimate(entry, left, c0);
            c8 = Vector256.MultiplyAddEstimate(entry, right, c8);
            entry = Vector256.Create(a[3]);
            d0 = Vector256.MultiplyAddEstimate(entry, left, d0);
            d8 = Vector256.MultiplyAddEstimate(entry, right, d8);
            entry = Vector256.Create(a[4]);
            e0 = Vector256.MultiplyAddEstimate(entry, left, e0);
            e8 = Vector256.MultiplyAddEstimate(entry, right, e8);
            entry = Vector256.Create(a[5]);
            f0 = Vector256.MultiplyAddEstimate(entry, left, f0);
            f8 = Vector256.MultiplyAddEstimate(entry, right, f8);
        }

        Take(y, row, column, a0, a8, in start);
        Take(y + stride, row + 1, column, b0, b8, in start);
        Take(y + (2 * stride), row + 2, column, c0, c8, in start);
        Take(y + (3 * stride), row + 3, column, d0, d8, in start);
        Take(y + (4 * stride), row + 4, column, e0, e8, in start);
        Take(y + (5 * stride), row + 5, column, f0, f8, in start);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Step(
        float* a, float* b,
        ref Vector256<float> a0, ref Vector256<float> a8, ref Vector256<float> b0, ref Vector256<float> b8, ref Vector256<float> c0, ref Vector256<float> c8,
        ref Vector256<float> d0, ref Vector256<float> d8, ref Vector256<float> e0, ref Vector256<float> e8, ref Vector256<float> f0, ref Vector256<float> f8)
    {
        Vector256<float> left = Vector256.Load(b), right = Vector256.Load(b + 8);
        var entry = Vector256.Create(a[0]);
        (a0, a8) = (Vector256.MultiplyAddEstimate(entry, left, a0), Vector256.MultiplyAddEstimate(entry, right, a8));
        entry = Vector256.Create(a[1]);
        (b0, b8) = (Vector256.MultiplyAddEstimate(entry, left, b0), Vector256.MultiplyAddEstimate(entry, right, b8));
        entry = Vector256.Create(a[2]);
        (c0, c8) = (Vector256.MultiplyAddEstimate(entry, left, c0), Vector256.MultiplyAddEstimate(entry, right, c8));
        entry = Vector256.Create(a[3]);
        (d0, d8) = (Vector256.MultiplyAddEstimate(entry, left, d0), Vector256.MultiplyAddEstimate(entry, right, d8));
        entry = Vector256.Create(a[4]);
        (e0, e8) = (Vector256.MultiplyAddEstimate(entry, left, e0), Vector256.MultiplyAddEstimate(entry, right, e8));
        entry = Vector256.Create(a[5]);
        (f0, f8) = (Vector256.MultiplyAddEstimate(entry, left, f0), Vector256.MultiplyAddEstimate(entry, right, f8));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Take<TStart>(float* y, int row, int column, Vector256<float> left, Vector256<float> right, in TStart start)
        where TStart : struct, IProductStart
    {
        (start.At(row, column) + left).Store(y);
        (start.At(row, column + 8) + right).Store(y + 8);
    }

    /// <summary>What is there.</summary>
    private readonly struct Present(float* y, long stride) : IProductStart
    {
        public Vector256<float> At(int row, int column) => Vector256.Load(y + (row * stride) + column);
    }
}
