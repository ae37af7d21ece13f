using System.Runtime.Intrinsics;

namespace Marrow.Kernels;

/// <summary>What of <c>y = start + a b</c> comes of one block of steps, tile by tile.</summary>
internal unsafe struct ProductTiles<TTile, TStart>
    where TTile : struct, IProductTile
    where TStart : struct, IProductStart
{
    /// <summary>The arithmetic.</summary>
    public TTile Tile;

    /// <summary>What is added in the first block.</summary>
    public TStart Start;

    /// <summary>Whether this is the first block; else sums go on from what is there.</summary>
    public bool IsFirst;

    /// <summary>The first entry of y.</summary>
    public float* Y;

    /// <summary>From row to row of y.</summary>
    public long Stride;

    /// <summary>Of y, and of the block.</summary>
    public int Rows, Columns, Steps;

    /// <summary>All of y.</summary>
    /// <param name="a">Panels of six rows.</param>
    /// <param name="aNext">From panel to panel.</param>
    /// <param name="b">Panels of sixteen columns.</param>
    /// <param name="bNext">From panel to panel.</param>
    public readonly void Multiply(float* a, long aNext, float* b, long bNext)
    {
        for (var column = 0; column < Columns; column += PanelProduct.TileColumns, b += bNext)
        {
            var panel = a;
            for (var row = 0; row < Rows; row += PanelProduct.TileRows, panel += aNext)
            {
                Multiply(panel, b, row, column);
            }
        }
    }

    /// <summary>One tile.</summary>
    /// <param name="a">Its panel of six rows.</param>
    /// <param name="b">Its panel of sixteen columns.</param>
    /// <param name="row">Its first row.</param>
    /// <param name="column">Its first column.</param>
    public readonly void Multiply(float* a, float* b, int row, int column)
    {
        var y = Y + (row * Stride) + column;
        if (Rows - row < PanelProduct.TileRows || Columns - column < PanelProduct.TileColumns)
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
        var sums = stackalloc float[PanelProduct.TileRows * PanelProduct.TileColumns];
        Tile.Multiply(a, b, Steps, sums, PanelProduct.TileColumns, row, column, default(NoStart));
        for (var r = 0; r < Math.Min(PanelProduct.TileRows, Rows - row); r++)
        {
            for (var c = 0; c < Math.Min(PanelProduct.TileColumns, Columns - column); c++)
            {
                y[(r * Stride) + c] = sums[(r * PanelProduct.TileColumns) + c]
                    + (IsFirst ? Start.At(row + r, column + (c & ~7))[c & 7] : y[(r * Stride) + c]);
            }
        }
    }

    /// <summary>What is there.</summary>
    private readonly struct Present(float* y, long stride) : IProductStart
    {
        public Vector256<float> At(int row, int column) => Vector256.Load(y + (row * stride) + column);
    }
}
