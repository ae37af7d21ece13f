using Marrow.Kernels.IntegerGemm;
using Marrow.Kernels.Memory;
using static TorchSharp.torch;

namespace Marrow.Tests.Kernels;

/// <summary>An epilogue that stores the integers themselves.</summary>
/// <param name="product">int32 [n, m].</param>
internal readonly unsafe struct StoreProduct(Tensor product) : IGemmEpilogue
{
    private readonly int* target = product.Integers();
    private readonly long columns = product.size(1);

    public void Store(int row, int rows, int first, int count, int* tile, int stride)
    {
        for (var r = 0; r < rows; r++)
        {
            new Span<int>(tile + ((long)r * stride), count).CopyTo(
                new Span<int>(target + ((row + r) * columns) + first, count));
        }
    }
}
