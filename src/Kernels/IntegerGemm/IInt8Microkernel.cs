namespace Marrow.Kernels.IntegerGemm;

/// <summary>Products of a few rows of A with a panel of outputs of B, both laid out for it.</summary>
internal unsafe interface IInt8Microkernel
{
    /// <summary>Which of A's levels counts as zero.</summary>
    int Origin { get; }

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

    /// <summary>The products of rows, less <see cref="Origin"/>, with a panel.</summary>
    /// <param name="packed">The rows, and room of this call's own for sums.</param>
    /// <param name="panel">The panel.</param>
    /// <param name="columns">Columns of both.</param>
    /// <param name="start">What they are added to, [<see cref="PanelWidth"/>] for every row; null for the product so far.</param>
    /// <param name="product">[<see cref="TileRows"/>, <see cref="PanelWidth"/>].</param>
    void Multiply(byte* packed, byte* panel, int columns, int* start, int* product);
}
