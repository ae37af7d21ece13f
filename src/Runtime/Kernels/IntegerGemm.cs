using static TorchSharp.torch;

namespace Marrow.Kernels;

/// <summary>Exact products of 8-bit integers in 32 bits, by libtorch's <c>_int_mm</c> (VNNI where the processor has it).</summary>
internal static class IntegerGemm
{
    // TorchSharp has no _int_mm, TorchScript has every operator. An error in the script would end the process at its first
    // call, so the text stays as short as this.
    private static readonly Lazy<jit.CompilationUnit> Script = new(() => jit.compile(
        "def int_mm(a, b, out):\n    return torch._int_mm(a, b.t(), out=out)\n"));

    /// <summary><c>A Bᵀ</c> into an existing tensor.</summary>
    /// <param name="a">int8 [n, k].</param>
    /// <param name="b">int8 [m, k].</param>
    /// <param name="product">int32 [n, m], contiguous.</param>
    public static void Multiply(Tensor a, Tensor b, Tensor product)
    {
        if (a.shape[1] == 1)
        {
            // _int_mm returns garbage for one column.
            using var wide = a.to(ScalarType.Int32);
            using var outer = wide * b.t();
            product.copy_(outer);
            return;
        }

        using var result = (Tensor)Script.Value.invoke("int_mm", a, b, product);
    }
}
