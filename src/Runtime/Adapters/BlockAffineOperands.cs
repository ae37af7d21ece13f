using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Marrow.Kernels;

namespace Marrow.Adapters;

/// <summary><c>W′[o,i] = W[o,i] + W[o,i] B[o] + B[o]</c>, made where it is laid out for a product: a part of a column of blocks at a time.</summary>
/// <param name="weight">W [out, in].</param>
/// <param name="features">in.</param>
/// <param name="block">B [out/r, r, r].</param>
/// <param name="r">A multiple of 16.</param>
internal readonly unsafe struct BlockAffineWeight(float* weight, long features, float* block, int r)
{
    /// <summary>Rows of one row of blocks, and columns of one column of blocks.</summary>
    /// <param name="row">The first row.</param>
    /// <param name="rows">How many.</param>
    /// <param name="column">The first column, a multiple of 16.</param>
    /// <param name="columns">How many, a multiple of 16.</param>
    /// <param name="adapted">Takes them.</param>
    /// <param name="stride">From row to row.</param>
    public void Adapt(int row, int rows, int column, int columns, float* adapted, long stride)
    {
        var (o, i) = (row / r, column / r * r);
        float* w = weight + (row * features), b = block + ((long)o * r * r);
        FloatTiles.Multiply(
            w + i, features, 1, b + column - i, r, steps: r, rows, columns,
            new Entries(w + column, features, b + (row % r * r) + column - i, r, adapted, stride));
    }

    /// <summary>How many of so many rows lie in the first one's row of blocks.</summary>
    public int RowsOfBlock(int row, int rows) => Math.Min(rows, r - (row % r));

    /// <summary>How many of so many columns lie in the first one's column of blocks.</summary>
    public int ColumnsOfBlock(int column, int columns) => Math.Min(columns, r - (column % r));

    private readonly struct Entries(float* weight, long features, float* block, int r, float* adapted, long stride) : IProductEntries
    {
        public Vector256<float> Start(int row, int column) =>
            Vector256.Load(weight + (row * features) + column) + Vector256.Load(block + (row * r) + column);

        public void Take(int row, int column, Vector256<float> sums) => sums.Store(adapted + (row * stride) + column);
    }
}

/// <summary>The rows of W′, for <c>x W′ᵀ</c>.</summary>
/// <param name="weight">W′.</param>
internal readonly unsafe struct BlockAffineRows(BlockAffineWeight weight) : IFloatOperand
{
    public void Pack(int line, int lines, int step, int steps, float* panels, long next, int width)
    {
        var rows = (float*)NativeMemory.AlignedAlloc((nuint)((long)width * steps * sizeof(float)), 64);
        for (var first = line; first < line + lines; first += width, panels += next)
        {
            var count = Math.Min(width, line + lines - first);
            for (int column = step, of; column < step + steps; column += of)
            {
                of = weight.ColumnsOfBlock(column, step + steps - column);
                for (int row = 0, some; row < count; row += some)
                {
                    some = weight.RowsOfBlock(first + row, count - row);
                    weight.Adapt(first + row, some, column, of, rows + ((long)row * steps) + column - step, steps);
                }
            }

            FloatOperand.Transpose(rows, steps, count, steps, panels, width);
        }

        NativeMemory.AlignedFree(rows);
    }
}

/// <summary>The columns of W′, for <c>dy W′</c>.</summary>
/// <param name="weight">W′.</param>
internal readonly unsafe struct BlockAffineColumns(BlockAffineWeight weight) : IFloatOperand
{
    public void Pack(int line, int lines, int step, int steps, float* panels, long next, int width)
    {
        for (var column = line; column < line + lines; column += width, panels += next)
        {
            for (int row = step, some; row < step + steps; row += some)
            {
                some = weight.RowsOfBlock(row, step + steps - row);
                weight.Adapt(row, some, column, Math.Min(width, line + lines - column), panels + ((long)(row - step) * width), width);
            }
        }
    }
}
