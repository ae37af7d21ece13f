using System.Runtime.Intrinsics.X86;
using static TorchSharp.torch;

namespace Marrow.Kernels;

/// <summary>
/// Takes an integer product, part by part while it is in the cache. Several threads call it, each for other rows.
/// </summary>
internal unsafe interface IProductRows
{
    /// <summary>Takes a part of one row of <c>A Bᵀ</c>.</summary>
    /// <param name="row">Which.</param>
    /// <param name="first">The first output.</param>
    /// <param name="count">How many outputs.</param>
    /// <param name="product">[count]; valid during the call.</param>
    void Take(int row, int first, int count, int* product);
}

/// <summary>
/// Exact products of 8-bit integers in 32 bits: libtorch's <c>_int_mm</c> where the processor has VNNI, and <see cref="LevelGemm"/>
/// where it has AVX2 alone, for which libtorch has a scalar loop.
/// </summary>
internal static unsafe class IntegerGemm
{
    // So many, that the integers are still in the cache when they are taken.
    private const long RowsAtOnce = 800;

    // TorchSharp has no _int_mm, TorchScript has every operator. An error in the script would end the process at its first
    // call, so the text stays as short as this.
    private static readonly Lazy<jit.CompilationUnit> Script = new(() => jit.compile(
        "def int_mm(a, b, out):\n    return torch._int_mm(a, b.t(), out=out)\n"));

    private static readonly bool HasVnni = Avx512BW.IsSupported && (X86Base.CpuId(7, 0).Ecx & (1 << 11)) != 0;

    /// <summary><c>A Bᵀ</c>, row by row.</summary>
    /// <param name="a">int8 [n, k], contiguous, on the CPU.</param>
    /// <param name="b">int8 [m, k], likewise.</param>
    /// <param name="rows">Takes the n rows.</param>
    public static void Multiply<TRows>(Tensor a, Tensor b, ref TRows rows)
        where TRows : struct, IProductRows
    {
        if (!HasVnni && Avx2.IsSupported)
        {
            LevelGemm.Multiply(a, b, ref rows);
            return;
        }

        var (n, m) = (a.shape[0], b.shape[0]);
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
        where TRows : struct, IProductRows
    {
        var kernel = new HandKernel<TRows> { Rows = rows, Product = product.Integers(), Columns = (int)product.shape[1], First = first };
        ThreadTeam.Run(ref kernel, (int)product.shape[0], product.numel());
    }

    private static void Multiply(Tensor a, Tensor b, Tensor product)
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

    private struct HandKernel<TRows> : IRangeKernel
        where TRows : struct, IProductRows
    {
        public TRows Rows;
        public int* Product;
        public int Columns, First;

        public void Run(int first, int end, int part)
        {
            for (var row = first; row < end; row++)
            {
                Rows.Take(First + row, 0, Columns, Product + ((long)row * Columns));
            }
        }
    }
}
