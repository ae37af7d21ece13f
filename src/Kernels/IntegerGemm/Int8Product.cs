using System.Runtime.Intrinsics.X86;
using Marrow.Kernels.Memory;
using Marrow.Kernels.Threading;
using static TorchSharp.torch;

namespace Marrow.Kernels.IntegerGemm;

/// <summary>
/// Takes an integer product, part by part while it is in the cache. Several threads call it, each for other rows.
/// </summary>
internal unsafe interface IGemmEpilogue
{
    /// <summary>Takes a part of <c>A Bᵀ</c>.</summary>
    /// <param name="row">The first row.</param>
    /// <param name="rows">How many rows.</param>
    /// <param name="first">The first output.</param>
    /// <param name="count">How many outputs.</param>
    /// <param name="product">[rows, count]; valid during the call.</param>
    /// <param name="stride">From one row of it to the next.</param>
    void Take(int row, int rows, int first, int count, int* product, int stride);
}

/// <summary>
/// Exact products of 8-bit integers in 32 bits: libtorch's <c>_int_mm</c> where the processor has VNNI, and <see cref="Int8Gemm"/>
/// where it has AVX2 alone, for which libtorch has a scalar loop.
/// </summary>
internal static unsafe class Int8Product
{
    // So many, that the integers are still in the cache when they are taken.
    private const long RowsAtOnce = 800;

    // TorchSharp has no _int_mm, TorchScript has every operator. An error in the script would end the process at its first
    // call, so the text stays as short as this.
    private static readonly Lazy<jit.CompilationUnit> Script = new(() => jit.compile(
        "def int_mm(a, b, out):\n    return torch._int_mm(a, b.t(), out=out)\n"));

    private static readonly bool HasVnni = Avx512BW.IsSupported && (X86Base.CpuId(7, 0).Ecx & (1 << 11)) != 0;

    /// <summary>Whether <see cref="Int8Gemm"/> multiplies.</summary>
    public static bool HasOwnProducts => !HasVnni && Avx2.IsSupported;

    /// <summary><c>A Bᵀ</c>.</summary>
    /// <param name="a">int8 [n, k], contiguous, on the CPU.</param>
    /// <param name="ofA">What a can hold, or null: it is looked through.</param>
    /// <param name="b">int8 [m, k], likewise.</param>
    /// <param name="ofB">What b can hold, or null.</param>
    /// <param name="rows">Takes the product, part by part.</param>
    public static void Multiply<TRows>(Tensor a, IntegerRange? ofA, Tensor b, IntegerRange? ofB, ref TRows rows)
        where TRows : struct, IGemmEpilogue
    {
        if (HasOwnProducts)
        {
            Int8Gemm.Multiply(a, ofA ?? IntegerRange.Of(a), b, ofB ?? IntegerRange.Of(b), ref rows);
            return;
        }

        var (n, m) = (a.size(0), b.size(0));
        using var products = empty([Math.Min(n, RowsAtOnce), m], dtype: ScalarType.Int32);
        for (var first = 0L; first < n; first += RowsAtOnce)
        {
            var count = Math.Min(RowsAtOnce, n - first);
            using var part = a.narrow(0, first, count);
            using var product = products.narrow(0, 0, count);
            Multiply(part, b, product);
            Hand(product, (int)first, ref rows);
        }
    }

    /// <summary>Hands on the rows of a product that is there already.</summary>
    /// <param name="product">int32 [n, m].</param>
    /// <param name="first">The number of its first row.</param>
    /// <param name="rows">Takes them.</param>
    public static void Hand<TRows>(Tensor product, int first, ref TRows rows)
        where TRows : struct, IGemmEpilogue
    {
        var kernel = new HandKernel<TRows> { Rows = rows, Product = product.Integers(), Columns = (int)product.size(1), First = first };
        ThreadTeam.Run(ref kernel, (int)product.size(0), product.numel());
    }

    private static void Multiply(Tensor a, Tensor b, Tensor product)
    {
        if (a.size(1) == 1)
        {
            // _int_mm returns garbage for one column.
            using var wide = a.to(ScalarType.Int32);
            using var outer = wide * b.t();
            product.copy_(outer);
            return;
        }

        using var result = (Tensor)Script.Value.invoke("int_mm", a, b, product);
    }

    private struct HandKernel<TRows> : IRangeKernel
        where TRows : struct, IGemmEpilogue
    {
        public TRows Rows;
        public int* Product;
        public int Columns, First;

        public void Run(int first, int end, int part)
        {
            // Whole rows one after the other, as they lie: so many would not stay in the first cache together.
            for (var row = first; row < end; row++)
            {
                Rows.Take(First + row, 1, 0, Columns, Product + ((long)row * Columns), Columns);
            }
        }
    }
}
