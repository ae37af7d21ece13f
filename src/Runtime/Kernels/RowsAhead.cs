using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Marrow.Kernels;

/// <summary>
/// Some rows of a matrix that come next, asked for a few lines of the cache at a time, between other work: rows are far apart, and the processor does
/// not foresee them; all at once they would be more than it can wait for.
/// </summary>
/// <param name="first">The first entry.</param>
/// <param name="stride">From row to row.</param>
/// <param name="rows">How many.</param>
internal unsafe struct RowsAhead(float* first, long stride, int rows)
{
    private const int FloatsOfLine = 16;

    private float* next = first;
    private int row;

    /// <summary>Asks for so many lines more: the first line of every row, then the second of every row, and so on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Fetch(int lines)
    {
        for (; lines > 0; lines--)
        {
            Sse.Prefetch1(next); // not into the first cache, where rows a power of two apart push one another out
            next += stride;
            if (++row == rows)
            {
                row = 0;
                next += FloatsOfLine - (rows * stride);
            }
        }
    }
}
