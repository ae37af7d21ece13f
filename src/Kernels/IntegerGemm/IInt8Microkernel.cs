namespace Marrow.Kernels.IntegerGemm;

/// <summary>The inner kernel of <see cref="Int8Gemm"/>: a tile of packed rows of A times a packed panel of B.</summary>
internal unsafe interface IInt8Microkernel
{
    /// <summary>The value of A that packing maps to zero.</summary>
    int Origin { get; }

    /// <summary>Rows of a tile (MR).</summary>
    int TileRows { get; }

    /// <summary>Outputs of a panel (NR).</summary>
    int PanelWidth { get; }

    /// <summary>
    /// Columns of a chunk (KC): a panel and its rows fit the L1 cache, and intermediate sums cannot overflow.
    /// </summary>
    int ChunkColumns { get; }

    /// <summary>Bytes of a packed panel of one chunk; a multiple of 64.</summary>
    int PanelBytes { get; }

    /// <summary>Bytes of a packed tile of rows of one chunk.</summary>
    int RowBytes { get; }

    /// <summary>Packs a panel of B.</summary>
    /// <param name="b">First column of the first output.</param>
    /// <param name="stride">Stride of outputs.</param>
    /// <param name="outputs">Outputs, at most <see cref="PanelWidth"/>.</param>
    /// <param name="columns">At most <see cref="ChunkColumns"/>.</param>
    /// <param name="panel">Destination.</param>
    void PackPanel(sbyte* b, long stride, int outputs, int columns, byte* panel);

    /// <summary>Packs rows of A.</summary>
    /// <param name="a">First column of the first row.</param>
    /// <param name="stride">Stride of rows.</param>
    /// <param name="rows">Rows, at most <see cref="TileRows"/>.</param>
    /// <param name="columns">At most <see cref="ChunkColumns"/>.</param>
    /// <param name="packed">Destination.</param>
    void PackRows(sbyte* a, long stride, int rows, int columns, byte* packed);

    /// <summary>Multiplies packed rows, relative to <see cref="Origin"/>, by a packed panel.</summary>
    /// <param name="packed">The rows, with scratch space for sums.</param>
    /// <param name="panel">The panel.</param>
    /// <param name="columns">Columns of both.</param>
    /// <param name="start">
    /// Initial values [<see cref="PanelWidth"/>] of every row, or null to accumulate onto the product.
    /// </param>
    /// <param name="product">[<see cref="TileRows"/>, <see cref="PanelWidth"/>].</param>
    void Multiply(byte* packed, byte* panel, int columns, int* start, int* product);
}
