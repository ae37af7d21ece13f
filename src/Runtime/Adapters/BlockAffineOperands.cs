using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Marrow.Kernels;

namespace Marrow.Adapters;

/// <summary><c>W′[o,i] = W[o,i] + W[o,i] B[o] + B[o]</c>, made where it is laid out for a product.</summary>
/// <param name="weight">W [out, in].</param>
/// <param name="features">in.</param>
/// <param name="block">B [out/r, r, r].</param>
/// <param name="r">A multiple of 16.</param>
internal readonly unsafe struct BlockAffineWeight(float* weight, long features, float* block, int r)
{
    /// <summary>r; also from row to row of what <see cref="Gather"/> writes.</summary>
    public int BlockSize => r;

    /// <summary>Some rows of one block of W, close together: rows of W a power of two apart push one another out of the cache.</summary>
    /// <param name="row">The first row.</param>
    /// <param name="rows">How many.</param>
    /// <param name="column">A column of the block.</param>
    /// <param name="lines">Takes them, [rows, r].</param>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public void Gather(int row, int rows, int column, float* lines)
    {
        var source = weight + (row * features) + (column / r * r);
        for (var end = lines + ((long)rows * r); lines < end; lines += r, source += features)
        {
            for (var entry = 0; entry < r; entry += Lanes.Count)
            {
                Vector256.Load(source + entry).Store(lines + entry);
            }
        }
    }

    /// <summary>The same rows of W′, of some of the block's columns.</summary>
    /// <param name="lines">The rows of W.</param>
    /// <param name="row">The first row.</param>
    /// <param name="rows">How many.</param>
    /// <param name="column">The first column, a multiple of 16.</param>
    /// <param name="columns">How many, a multiple of 16.</param>
    /// <param name="adapted">Takes them.</param>
    /// <param name="stride">From row to row.</param>
    public void Adapt(float* lines, int row, int rows, int column, int columns, float* adapted, long stride)
    {
        var b = block + ((long)(row / r) * r * r) + (column % r);
        SmallProduct.Multiply(
            lines, r, 1, b, r, steps: r, rows, columns,
            new Entries(lines + (column % r), b + (row % r * r), r, adapted, stride));
    }

    /// <summary>How many of so many rows lie in the first one's row of blocks.</summary>
    public int RowsOfBlock(int row, int rows) => Math.Min(rows, r - (row % r));

    /// <summary>How many of so many columns lie in the first one's column of blocks.</summary>
    public int ColumnsOfBlock(int column, int columns) => Math.Min(columns, r - (column % r));

    private readonly struct Entries(float* lines, float* block, int r, float* adapted, long stride) : IProductEntries
    {
        public Vector256<float> Start(int row, int column) => Vector256.Load(lines + (row * r) + column) + Vector256.Load(block + (row * r) + column);

        public void Take(int row, int column, Vector256<float> sums) => sums.Store(adapted + (row * stride) + column);
    }
}

/// <summary>The rows of W′ as the right side of <c>x W′ᵀ</c>.</summary>
/// <param name="weight">W′.</param>
internal readonly unsafe struct BlockAffineRows(BlockAffineWeight weight) : IPanelOperand
{
    public void Pack(int line, int lines, int step, int steps, float* panels, long next, int width)
    {
        var gathered = (float*)NativeMemory.AlignedAlloc((nuint)((long)width * (weight.BlockSize + steps) * sizeof(float)), 64);
        var adapted = gathered + (width * weight.BlockSize);
        try
        {
            for (var first = line; first < line + lines; first += width, panels += next)
            {
                var count = Math.Min(width, line + lines - first);
                for (int column = step, columns; column < step + steps; column += columns)
                {
                    columns = weight.ColumnsOfBlock(column, step + steps - column);
                    for (int row = 0, rows; row < count; row += rows)
                    {
                        rows = weight.RowsOfBlock(first + row, count - row);
                        weight.Gather(first + row, rows, column, gathered);
                        weight.Adapt(gathered, first + row, rows, column, columns, adapted + ((long)row * steps) + column - step, steps);
                    }
                }

                FloatOperand.Transpose(adapted, steps, count, steps, panels, width);
            }
        }
        finally
        {
            NativeMemory.AlignedFree(gathered);
        }
    }
}

/// <summary>The columns of W′ as the right side of <c>dy W′</c>.</summary>
/// <param name="weight">W′.</param>
internal readonly unsafe struct BlockAffineColumns(BlockAffineWeight weight) : IPanelOperand
{
    public void Pack(int line, int lines, int step, int steps, float* panels, long next, int width)
    {
        var gathered = (float*)NativeMemory.AlignedAlloc((nuint)((long)weight.BlockSize * weight.BlockSize * sizeof(float)), 64);
        try
        {
            for (int column = line, columns; column < line + lines; column += columns, panels += columns / width * next)
            {
                columns = weight.ColumnsOfBlock(column, line + lines - column);
                for (int row = step, rows; row < step + steps; row += rows)
                {
                    rows = weight.RowsOfBlock(row, step + steps - row);
                    weight.Gather(row, rows, column, gathered);
                    for (var part = 0; part < columns; part += width)
                    {
                        weight.Adapt(gathered, row, rows, column + part, width, panels + (part / width * next) + ((long)(row - step) * width), width);
                    }
                }
            }
        }
        finally
        {
            NativeMemory.AlignedFree(gathered);
        }
    }
}
