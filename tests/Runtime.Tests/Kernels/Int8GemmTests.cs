using Marrow.Kernels.IntegerGemm;
using Marrow.Kernels.Memory;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Kernels;

/// <summary>Products are exact for extreme codes, over several chunks, and with sizes that fill no tile.</summary>
[Trait("Kernels", "yes")]
public class Int8GemmTests
{
    private const string NoAvx2 = "The processor has no AVX2; products there are libtorch's.";

    public static TheoryData<int, int, int, int, int> Levels => new()
    {
        // Two bits on both sides: StatsQ's odd levels, LSQ's; signed and not.
        { -2, 1, -3, 2, 3 },
        { 0, 3, -3, 2, 3 },
        { -2, 1, -2, 1, 3 },
        { -128, -125, 120, 1, 3 },
        // More, up to where one pair of products overflows 16 bits.
        { -8, 7, -15, 2, 15 },
        { 0, 15, -127, 2, 127 },
        { -128, 127, -3, 2, 3 },
        { -128, 127, -128, 1, 255 },
        // Nothing but the largest.
        { 127, 127, -128, 1, 0 },
        { -128, -128, 127, 2, 0 },
    };

    [Theory, MemberData(nameof(Levels))]
    public void Product_IsExact(int lowA, int highA, int lowB, int spacing, int steps)
    {
        Assert.SkipUnless(System.Runtime.Intrinsics.X86.Avx2.IsSupported, NoAvx2);
        foreach (var (n, m, k) in (
            (int, int, int)[])[(1, 1, 1), (2, 3, 5), (5, 65, 31), (9, 130, 64), (7, 70, 1100), (600, 25, 33)])
        {
            using var scope = NewDisposeScope();
            manual_seed(n + k);
            var a = randint(lowA, highA + 1, [n, k], dtype: int64).to(int8);
            var b = (randint(0, steps + 1, [m, k], dtype: int64) * spacing + lowB).to(int8);
            Check(a, b);

            // Almost nothing but the largest, which sums overflow with first.
            a.fill_(highA);
            b.fill_(-lowB > lowB + (spacing * steps) ? lowB : lowB + (spacing * steps));
            (a[0, 0], b[0, 0]) = (lowA, lowB + (-lowB > lowB + (spacing * steps) ? spacing * steps : 0));
            Check(a, b);
        }
    }

    private static void Check(Tensor a, Tensor b)
    {
        var product = zeros(a.shape[0], b.shape[0], dtype: int32);
        var store = new StoreProduct(product);
        Int8Gemm.Multiply(a, IntegerRange.Of(a), b, IntegerRange.Of(b), ref store);
        Assert.True(product.to(float64).Equals(a.to(float64).mm(b.to(float64).t())),
            $"{a.shape[0]} x {a.shape[1]} -> {b.shape[0]}");
    }
}
