using Marrow.CompilerServices;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Cuda;

/// <summary>Packed weights' CUDA kernels against the levels that were packed.</summary>
[Trait("Gpu", "yes")]
public sealed class PackedKernelTests : KernelTest
{
    public static TheoryData<ScalarType, int, bool> Quantizers =>
        [.. from type in (ScalarType[])[float32, bfloat16, float16]
            from bits in (int[])[1, 2, 3, 4, 6, 8]
            from isOdd in (bool[])[false, true]
            where bits > 1 || !isOdd
            select (type, bits, isOdd)];

    [Theory, MemberData(nameof(Quantizers))]
    public void Unpacked_IsWhatWasPacked(ScalarType type, int bits, bool isOdd)
    {
        foreach (var (outputs, columns) in ((int, int)[])[(1, 1), (9, 15), (5, 257), (3, 640)])
        {
            var levels = Levels(outputs, columns, bits, isOdd);
            var packed = Packed(levels, bits, isOdd);
            var own = Run("packed_levels", () => [packed.Unpack().Stored])[0];
            Assert.True(own.equal(levels.Stored).all().item<bool>());
            var values = Run("packed_values", () => [packed.Dequantize(type)])[0];
            Assert.Equal(type, values.dtype);
            AssertNear([values], [Values(levels)], type == float32 ? 1e-6 : Tolerance(type));
        }
    }

    [Theory, MemberData(nameof(Quantizers))]
    public void FewRows_GiveTheProduct(ScalarType type, int bits, bool isOdd)
    {
        foreach (var (rows, columns, outputs) in (
            (int, int, int)[])[(1, 300, 33), (2, 7, 5), (3, 1000, 2), (4, 64, 37)])
        {
            var levels = Levels(outputs, columns, bits, isOdd);
            var packed = Packed(levels, bits, isOdd);
            foreach (var (x, bias) in (
                (Tensor, Tensor?)[])[(Inputs(rows, columns), Inputs(1, outputs)[0]), (Inputs(rows, columns), null)])
            {
                var place = bias is null ? x : CudaOperations.Surrounded(x);
                var y = Run($"packed_product_{rows}", () => [packed.Linear(place, bias)])[0];
                Assert.Equal(type, y.dtype);
                var expected = x.to(float64).mm(Values(levels).t()) + (bias?.to(float64) ?? 0);
                AssertNear([y], [expected], type == float32 ? 1e-6 : Tolerance(type));
            }
        }

        Tensor Inputs(int rows, int columns) => randn(rows, columns).to(type);
    }

    [Fact]
    public void ManyRows_UnpackTheWeight()
    {
        var levels = Levels(6, 40, 4, isOdd: true);
        var x = randn(5, 40);
        var y = Run("packed_values", () => [Packed(levels, 4, isOdd: true).Linear(x, null)])[0];
        Assert.True(y.allclose(x.mm(Values(levels).to(float32).t()), 1e-5, 1e-5));
    }

    [Fact]
    public void AWordThatNoVectorBeginsAt_IsRead()
    {
        var levels = Levels(5, 40, 4, isOdd: true);
        var packed = Packed(levels, 4, isOdd: true);
        var place = full(packed.Words.numel() + 1, -1, dtype: int32);
        var moved = packed with { Words = place.narrow(0, 1, packed.Words.numel()).view(packed.Words.shape) };
        moved.Words.copy_(packed.Words);
        var x = randn(1, 40);
        var y = Run("packed_product_1", () => [moved.Linear(x, null)]);
        AssertNear(y, [x.to(float64).mm(Values(levels).t())], 1e-6);
    }

    /// <summary>Products of an odd number of outputs, with columns for vectors and without.</summary>
    internal static IReadOnlyList<Tensor> Products() =>
        [.. ((int[])[1300, 1301]).Select(columns =>
            Packed(Levels(15, columns, 3, isOdd: true), 3, isOdd: true).Linear(ones(3, columns), null))];

    private static PackedWeight Packed(WeightLevels levels, int bits, bool isOdd) =>
        PackedWeight.Of(levels, bits, isOdd);

    private static WeightLevels Levels(int outputs, int columns, int bits, bool isOdd)
    {
        manual_seed(bits + columns);
        var u = bits == 1
            ? randint(-1, 2, [outputs, columns]).to(int8)
            : randint(-(1 << (bits - 1)), 1 << (bits - 1), [outputs, columns]).to(int8);
        var isHalved = isOdd && bits == 8;
        // One that is packed as more bits has the codes of those.
        var stored = isOdd && !isHalved ? u.mul(2).add_(1) : u;
        return new(stored, rand(outputs) + 0.1, isHalved);
    }

    private static Tensor Values(WeightLevels levels)
    {
        var p = levels.Stored.to(float64);
        return (levels.IsHalved ? (p * 2) + 1 : p) * levels.Scale.to(float64).unsqueeze(1);
    }
}
