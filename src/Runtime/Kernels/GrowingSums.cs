using System.Runtime.Intrinsics;

namespace Marrow.Kernels;

/// <summary>Entries that go on from what is there.</summary>
/// <param name="sums">The first entry.</param>
/// <param name="stride">From row to row.</param>
internal readonly unsafe struct GrowingSums(float* sums, long stride) : IProductEntries
{
    public Vector256<float> Start(int row, int column) => Vector256.Load(sums + (row * stride) + column);

    public void Take(int row, int column, Vector256<float> total) => total.Store(sums + (row * stride) + column);
}
