namespace Marrow.Kernels.IntegerGemm;

/// <summary>Products of one size, <c>A Bᵀ</c> of small integers.</summary>
internal unsafe interface IInt8Batch<TRows>
    where TRows : struct, IGemmEpilogue
{
    /// <summary>A of a product, [n, k], contiguous.</summary>
    sbyte* Left(int item);

    /// <summary>B of a product, [m, k].</summary>
    /// <param name="item">Which product.</param>
    /// <param name="stride">From row to row of B.</param>
    sbyte* Right(int item, out long stride);

    /// <summary>What takes the product.</summary>
    TRows Rows(int item);
}
