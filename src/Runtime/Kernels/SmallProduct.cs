using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using static TorchSharp.torch;

namespace Marrow.Kernels;

/// <summary>Where the entries of a product begin, and what becomes of their sums.</summary>
internal interface IProductEntries
{
    /// <summary>What is added to eight entries of a row.</summary>
    Vector256<float> Start(int row, int column);

    /// <summary>Takes eight finished entries of a row.</summary>
    void Take(int row, int column, Vector256<float> sums);
}

/// <summary>
/// Small float32 products, a tile of 6 × 16 entries in registers at a time: for the blocks of adapters. What comes before and after
/// a product happens in those registers too, where a library's product would need a pass over memory.
/// </summary>
internal static unsafe class SmallProduct
{
    /// <summary>Columns of a tile. A product's columns must be a multiple of it.</summary>
    public const int Columns = 16;

    // 12 sums, two vectors of b and one entry of a: the sixteen registers of AVX2 hold no more.
    private const int Rows = 6;

    private interface IRows
    {
        static abstract int Count { get; }
    }

    /// <summary>Whether these products can be had of tensors that lie like this.</summary>
    /// <param name="columns">Columns of the products.</param>
    /// <param name="operands">What is multiplied.</param>
    public static bool CanMultiply(long columns, params ReadOnlySpan<Tensor> operands)
    {
        foreach (var operand in operands)
        {
            if (!operand.is_contiguous())
            {
                return false;
            }
        }

        return TensorMemory.AreFloats(operands) && Vector256.IsHardwareAccelerated && columns % Columns == 0;
    }

    /// <summary><c>start[row, column] + Σ_k a[row, k] b[k, column]</c>.</summary>
    /// <param name="a">Its entry (row, k) is at <c>row · aRow + k · aStep</c>.</param>
    /// <param name="aRow">From row to row.</param>
    /// <param name="aStep">From k to k.</param>
    /// <param name="b">Columns are adjacent.</param>
    /// <param name="bStep">From k to k.</param>
    /// <param name="steps">How many k there are.</param>
    /// <param name="rows">How many rows.</param>
    /// <param name="columns">How many columns, a multiple of 16.</param>
    /// <param name="entries">Gives the start and takes the sums.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply<TEntries>(float* a, long aRow, long aStep, float* b, long bStep, int steps, int rows, int columns, in TEntries entries)
        where TEntries : struct, IProductEntries
    {
        var tiles = (rows + Rows - 1) / Rows;
        for (int tile = 0, row = 0; tile < tiles; tile++)
        {
            // Heights that differ by one at most: a tile of few rows takes almost as long as one of six.
            var end = (int)((long)rows * (tile + 1) / tiles);
            var first = a + (row * aRow);
            for (var column = 0; column < columns; column += Columns)
            {
                switch (end - row)
                {
                    case 1: Multiply<One, TEntries>(first, aRow, aStep, b + column, bStep, steps, row, column, in entries); break;
                    case 2: Multiply<Two, TEntries>(first, aRow, aStep, b + column, bStep, steps, row, column, in entries); break;
                    case 3: Multiply<Three, TEntries>(first, aRow, aStep, b + column, bStep, steps, row, column, in entries); break;
                    case 4: Multiply<Four, TEntries>(first, aRow, aStep, b + column, bStep, steps, row, column, in entries); break;
                    case 5: Multiply<Five, TEntries>(first, aRow, aStep, b + column, bStep, steps, row, column, in entries); break;
                    default: Multiply<Six, TEntries>(first, aRow, aStep, b + column, bStep, steps, row, column, in entries); break;
                }
            }

            row = end;
        }
    }

    // The number of rows is a constant to the compiler, so that rows which are not there leave no code. One pointer for each row
    // and one offset for all: with fewer pointers there are more instructions, and those are what limits the loop.
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void Multiply<TRows, TEntries>(
        float* first, long aRow, long aStep, float* b, long bStep, int steps, int row, int column, in TEntries entries)
        where TRows : struct, IRows
        where TEntries : struct, IProductEntries
    {
        Vector256<float> a0 = entries.Start(row, column), a8 = entries.Start(row, column + 8);
        Vector256<float> b0 = default, b8 = default, c0 = default, c8 = default, d0 = default, d8 = default, e0 = default, e8 = default, f0 = default, f8 = default;
        if (TRows.Count > 1) (b0, b8) = (entries.Start(row + 1, column), entries.Start(row + 1, column + 8));
        if (TRows.Count > 2) (c0, c8) = (entries.Start(row + 2, column), entries.Start(row + 2, column + 8));
        if (TRows.Count > 3) (d0, d8) = (entries.Start(row + 3, column), entries.Start(row + 3, column + 8));
        if (TRows.Count > 4) (e0, e8) = (entries.Start(row + 4, column), entries.Start(row + 4, column + 8));
        if (TRows.Count > 5) (f0, f8) = (entries.Start(row + 5, column), entries.Start(row + 5, column + 8));
        float* second = first + aRow, third = second + aRow, fourth = third + aRow, fifth = fourth + aRow, sixth = fifth + aRow;
        for (long k = 0, end = steps * aStep; k < end; k += aStep, b += bStep)
        {
            Vector256<float> left = Vector256.Load(b), right = Vector256.Load(b + 8);
            var entry = Vector256.Create(first[k]);
            (a0, a8) = (Vector256.MultiplyAddEstimate(entry, left, a0), Vector256.MultiplyAddEstimate(entry, right, a8));
            if (TRows.Count > 1)
            {
                entry = Vector256.Create(second[k]);
                (b0, b8) = (Vector256.MultiplyAddEstimate(entry, left, b0), Vector256.MultiplyAddEstimate(entry, right, b8));
            }

            if (TRows.Count > 2)
            {
                entry = Vector256.Create(third[k]);
                (c0, c8) = (Vector256.MultiplyAddEstimate(entry, left, c0), Vector256.MultiplyAddEstimate(entry, right, c8));
            }

            if (TRows.Count > 3)
            {
                entry = Vector256.Create(fourth[k]);
                (d0, d8) = (Vector256.MultiplyAddEstimate(entry, left, d0), Vector256.MultiplyAddEstimate(entry, right, d8));
            }

            if (TRows.Count > 4)
            {
                entry = Vector256.Create(fifth[k]);
                (e0, e8) = (Vector256.MultiplyAddEstimate(entry, left, e0), Vector256.MultiplyAddEstimate(entry, right, e8));
            }

            if (TRows.Count > 5)
            {
                entry = Vector256.Create(sixth[k]);
                (f0, f8) = (Vector256.MultiplyAddEstimate(entry, left, f0), Vector256.MultiplyAddEstimate(entry, right, f8));
            }
        }

        Take(in entries, row, column, a0, a8);
        if (TRows.Count > 1) Take(in entries, row + 1, column, b0, b8);
        if (TRows.Count > 2) Take(in entries, row + 2, column, c0, c8);
        if (TRows.Count > 3) Take(in entries, row + 3, column, d0, d8);
        if (TRows.Count > 4) Take(in entries, row + 4, column, e0, e8);
        if (TRows.Count > 5) Take(in entries, row + 5, column, f0, f8);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Take<TEntries>(in TEntries entries, int row, int column, Vector256<float> left, Vector256<float> right)
        where TEntries : struct, IProductEntries
    {
        entries.Take(row, column, left);
        entries.Take(row, column + 8, right);
    }

    private readonly struct One : IRows
    {
        public static int Count => 1;
    }

    private readonly struct Two : IRows
    {
        public static int Count => 2;
    }

    private readonly struct Three : IRows
    {
        public static int Count => 3;
    }

    private readonly struct Four : IRows
    {
        public static int Count => 4;
    }

    private readonly struct Five : IRows
    {
        public static int Count => 5;
    }

    private readonly struct Six : IRows
    {
        public static int Count => 6;
    }
}
