using System.Runtime.InteropServices;
using Marrow.Kernels;

namespace Marrow.Adapters;

/// <summary>The rows of W′ as the right side of <c>x W′ᵀ</c>, made where they are laid out: <c>W′ᵀ = (I + B)ᵀ Wᵀ + Bᵀ</c> in each block.</summary>
/// <param name="weight">W [out, in].</param>
/// <param name="features">in.</param>
/// <param name="blocks">The columns of I + B on the left.</param>
internal readonly unsafe struct BlockAffineRows(float* weight, long features, BlockPanels blocks) : IPanelOperand
{
    public void Pack(int line, int lines, int step, int steps, float* panels, long next, int width)
    {
        var r = blocks.BlockSize;
        var right = (float*)NativeMemory.AlignedAlloc((nuint)(blocks.RightNext * sizeof(float)), 64);
        try
        {
            for (int row = line, rows; row < line + lines; row += rows, panels += rows / width * next)
            {
                rows = Math.Min(line + lines - row, r - (row % r));
                for (var column = step; column < step + steps; column += r)
                {
                    var entries = weight + (row * features) + column;
                    var ahead = new RowsAhead(entries + (column + r < step + steps ? r : 0), features, rows);
                    for (var part = 0; part < rows; part += width)
                    {
                        FloatOperand.Transpose(entries + (part * features), features, width, r, right, width);
                        blocks.Multiply(
                            row / r, ((row % r) + part) / width, blocks.Factor(row / r, 0), right,
                            panels + (part / width * next) + ((column - step) * width), ref ahead);
                    }
                }
            }
        }
        finally
        {
            NativeMemory.AlignedFree(right);
        }
    }
}

/// <summary>The columns of W′ as the right side of <c>dy W′</c>, made where they are laid out: <c>W′ = W (I + B) + B</c> in each block.</summary>
/// <param name="weight">W [out, in].</param>
/// <param name="features">in.</param>
/// <param name="blocks">The columns of I + B on the right.</param>
internal readonly unsafe struct BlockAffineColumns(float* weight, long features, BlockPanels blocks) : IPanelOperand
{
    public void Pack(int line, int lines, int step, int steps, float* panels, long next, int width)
    {
        var r = blocks.BlockSize;
        var left = (float*)NativeMemory.AlignedAlloc((nuint)(blocks.Tiles * blocks.LeftNext * sizeof(float)), 64);
        try
        {
            for (int column = line, columns; column < line + lines; column += columns, panels += columns / width * next)
            {
                columns = Math.Min(line + lines - column, r - (column % r));
                for (var row = step; row < step + steps; row += r)
                {
                    var entries = weight + (row * features) + (column / r * r);
                    var ahead = new RowsAhead(entries + (row + r < step + steps ? r * features : 0), features, r);
                    new FloatOperand(entries, features, 1).Pack(0, r, 0, r, left, blocks.LeftNext, PanelProduct.TileRows);
                    for (var part = 0; part < columns; part += width)
                    {
                        var panel = ((column % r) + part) / width;
                        blocks.Multiply(
                            row / r, panel, left, blocks.Factor(row / r, panel), panels + (part / width * next) + ((row - step) * width), ref ahead);
                    }
                }
            }
        }
        finally
        {
            NativeMemory.AlignedFree(left);
        }
    }
}
