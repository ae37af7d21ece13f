namespace Marrow.Kernels;

/// <summary>The arithmetic of a <see cref="PanelProduct"/>: 6 rows of a with 16 columns of b, a step a number of 32 bits in each line.</summary>
internal unsafe interface IProductTile
{
    /// <summary><c>y = start + Σ a b</c>.</summary>
    /// <param name="a">[steps, 6].</param>
    /// <param name="b">[steps, 16].</param>
    /// <param name="steps">How many.</param>
    /// <param name="y">The first entry.</param>
    /// <param name="stride">From row to row of y.</param>
    /// <param name="row">The first row of the whole product.</param>
    /// <param name="column">Its first column.</param>
    /// <param name="start">What is added.</param>
    void Multiply<TStart>(float* a, float* b, int steps, float* y, long stride, int row, int column, in TStart start)
        where TStart : struct, IProductStart;
}
