using System.Runtime.Intrinsics.X86;
using Marrow.Kernels.Memory;
using Marrow.Kernels.Threading;
using static TorchSharp.torch;

namespace Marrow.Kernels.IntegerGemm;

/// <summary>
/// Converts and stores tiles of an integer product while they are in the cache; threads call it for disjoint rows.
/// </summary>
internal unsafe interface IGemmEpilogue
{
    /// <summary>Stores a tile of <c>A Bᵀ</c>.</summary>
    /// <param name="row">The first row.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="first">The first output.</param>
    /// <param name="count">Number of outputs.</param>
    /// <param name="product">[rows, count]; valid during the call.</param>
    /// <param name="stride">Row stride of the tile.</param>
    void Store(int row, int rows, int first, int count, int* product, int stride);
}

/// <summary>
/// Exact int8 products in int32: libtorch's <c>_int_mm</c> where oneDNN has VNNI, and <see cref="Int8Gemm"/> where
/// there is only AVX2, for which libtorch has a scalar loop.
/// </summary>
internal static unsafe class Int8Product
{
    // Few enough that the int32 product is still in the cache when the epilogue reads it.
    private const long RowsAtOnce = 800;

    // TorchSharp does not bind _int_mm; TorchScript reaches every operator.
    private static readonly Lazy<jit.CompilationUnit> Script = new(() => jit.compile(
        "def int_mm(a, b, out):\n    return torch._int_mm(a, b.t(), out=out)\n"));

    /// <summary>Whether <see cref="Int8Gemm"/> multiplies.</summary>
    public static bool UsesInt8Gemm => !InstructionSets.HasVnni && Avx2.IsSupported;

    /// <summary><c>A Bᵀ</c>.</summary>
    /// <param name="a">int8 [n, k], contiguous, on the CPU.</param>
    /// <param name="ofA">Range of a, or null if unknown.</param>
    /// <param name="b">int8 [m, k], likewise.</param>
    /// <param name="ofB">Range of b, or null if unknown.</param>
    /// <param name="epilogue">Receives the product tile by tile.</param>
    public static void Multiply<TEpilogue>(
        Tensor a, IntegerRange? ofA, Tensor b, IntegerRange? ofB, ref TEpilogue epilogue)
        where TEpilogue : struct, IGemmEpilogue
    {
        if (UsesInt8Gemm)
        {
            Int8Gemm.Multiply(a, ofA ?? IntegerRange.Of(a), b, ofB ?? IntegerRange.Of(b), ref epilogue);
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
            Finish(product, (int)first, ref epilogue);
        }
    }

    /// <summary>Runs the epilogue over a product.</summary>
    /// <param name="product">int32 [n, m].</param>
    /// <param name="first">Index of its first row.</param>
    /// <param name="epilogue">The epilogue.</param>
    public static void Finish<TEpilogue>(Tensor product, int first, ref TEpilogue epilogue)
        where TEpilogue : struct, IGemmEpilogue
    {
        var kernel = new EpilogueKernel<TEpilogue>
        {
            Epilogue = epilogue,
            Product = product.Integers(),
            Columns = (int)product.size(1),
            First = first,
        };
        ThreadTeam.Run(ref kernel, (int)product.size(0), product.numel());
    }

    private static void Multiply(Tensor a, Tensor b, Tensor product)
    {
        if (a.size(1) == 1)
        {
            // On the CPU _int_mm returns garbage for k = 1.
            using var wide = a.to(ScalarType.Int32);
            using var outer = wide * b.t();
            product.copy_(outer);
            return;
        }

        using var result = (Tensor)Script.Value.invoke("int_mm", a, b, product);
    }

    private struct EpilogueKernel<TEpilogue> : IRangeKernel
        where TEpilogue : struct, IGemmEpilogue
    {
        public TEpilogue Epilogue;
        public int* Product;
        public int Columns, First;

        public void Run(int first, int end, int part)
        {
            // One row at a time, in memory order: several together would not fit the L1 cache.
            for (var row = first; row < end; row++)
            {
                Epilogue.Store(First + row, 1, 0, Columns, Product + ((long)row * Columns), Columns);
            }
        }
    }
}
