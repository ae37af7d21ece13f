namespace Marrow.Kernels.IntegerGemm;

/// <summary>A batch of int8 products <c>A Bᵀ</c> of one size.</summary>
internal unsafe interface IInt8Batch<TEpilogue>
    where TEpilogue : struct, IGemmEpilogue
{
    /// <summary>A [n, k], contiguous.</summary>
    sbyte* Left(int item);

    /// <summary>B [m, k].</summary>
    /// <param name="item">Index of the product.</param>
    /// <param name="stride">Row stride of B.</param>
    sbyte* Right(int item, out long stride);

    /// <summary>Epilogue of a product.</summary>
    TEpilogue Epilogue(int item);
}
