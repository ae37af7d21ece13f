using System.Runtime.Intrinsics.X86;
using Marrow.CompilerServices;
using Marrow.Kernels.PackedGemv;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Quantization;

/// <summary>Packing loses nothing, and products from packed words are those of the unpacked weight.</summary>
[Trait("Kernels", "yes")]
public class PackedWeightTests
{
    public static TheoryData<int, bool> Quantizers => [.. from bits in Enumerable.Range(1, 8) from isOdd in (
        bool[])[false, true] where bits > 1 || !isOdd select (bits, isOdd)];

    [Theory, MemberData(nameof(Quantizers))]
    public void Unpacked_IsWhatWasPacked(int bits, bool isOdd)
    {
        foreach (var columns in (int[])[1, 15, 64, 257, 300])
        {
            using var scope = NewDisposeScope();
            var levels = Levels(37, columns, bits, isOdd);
            var packed = PackedWeight.Of(levels, bits, isOdd);
            var unpacked = packed.Unpack();
            Assert.Equal(levels.IsHalved, unpacked.IsHalved);
            Assert.Equal(levels.Stored.bytes.ToArray(), unpacked.Stored.bytes.ToArray());
            Assert.Equal(PackedWeight.RowWords(columns, bits), packed.Words.shape[1]);
            var elsewhere = packed with { Scale = packed.Scale.to(float64) };
            Assert.Equal(levels.Stored.bytes.ToArray(), elsewhere.Unpack().Stored.bytes.ToArray());
        }
    }

    [Theory, MemberData(nameof(Quantizers))]
    public void FewRows_OfFloats_GiveTheProduct(int bits, bool isOdd)
    {
        foreach (var (rows, columns, outputs) in (
            (int, int, int)[])[(1, 300, 130), (4, 64, 37), (3, 1000, 5), (9, 33, 7)])
        {
            using var scope = NewDisposeScope();
            var packed = PackedWeight.Of(Levels(outputs, columns, bits, isOdd), bits, isOdd);
            var (x, bias) = (randn(rows, columns), randn(outputs));
            var expected = x.to(float64).mm(packed.Dequantize().to(float64).t()) + bias.to(float64);
            var error = (packed.Linear(x, bias).to(float64) - expected).abs().max().item<double>();
            Assert.True(error <= 1e-6 * expected.abs().max().item<double>(),
                $"{bits} bits, {rows} × {columns} → {outputs}: {error}");
        }
    }

    [Theory]
    [InlineData(2, true)]
    [InlineData(2, false)]
    [InlineData(4, true)]
    [InlineData(4, false)]
    public void FewRows_OfIntegers_GiveTheExactProduct(int bits, bool isOdd)
    {
        Assert.SkipUnless(Avx2.IsSupported, "the processor has no AVX2");
        foreach (var (rows, columns, outputs) in ((int, int, int)[])[(1, 4096, 9), (4, 300, 130), (2, 17, 3)])
        {
            using var scope = NewDisposeScope();
            var packed = PackedWeight.Of(Levels(outputs, columns, bits, isOdd), bits, isOdd);
            foreach (var x in new[] { randint(-128, 128, [rows, columns], dtype: int8),
                full([rows, columns], -128, dtype: int8) })
            {
                var expected = x.to(int64).mm(packed.Unpack().Stored.to(int64).t());
                Assert.Equal(expected.to(int32).data<int>().ToArray(),
                    PackedKernels.Multiply(x, packed.Codes).data<int>().ToArray());
            }

            // The largest codes against the largest activations: sums in 16 bits must not overflow.
            var most = new WeightLevels(full([outputs, columns], isOdd ? (1 << bits) - 1 : (1 << (bits - 1)) - 1,
                dtype: int8), ones(outputs), false);
            var extreme = PackedWeight.Of(most, bits, isOdd);
            var product = PackedKernels.Multiply(full([rows, columns], -128, dtype: int8), extreme.Codes);
            Assert.All(product.data<int>().ToArray(), value =>
                Assert.Equal(-128 * columns * most.Stored[0, 0].item<sbyte>(), value));
        }
    }

    private static WeightLevels Levels(int rows, int columns, int bits, bool isOdd)
    {
        manual_seed(bits);
        var range = LevelRange.Signed(bits);
        var u = randint(range.Low, range.High + 1, [rows, columns], dtype: int8);
        return new(isOdd && bits < 8 ? u * 2 + 1 : u, rand(rows) + 0.5, isOdd && bits == 8);
    }
}
