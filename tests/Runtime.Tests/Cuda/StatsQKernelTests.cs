using Marrow.CompilerServices;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Cuda;

/// <summary>StatsQ's CUDA kernels against the formula.</summary>
[Trait("Gpu", "yes")]
public sealed class StatsQKernelTests : KernelTest
{
    [Theory]
    [MemberData(nameof(OddSizes))]
    public void StatsQ_GivesCodesAndValuesOfTheFormula(ScalarType type, int rows, int columns)
    {
        foreach (var bits in (int[])[2, 5, 8])
        {
            var w = CudaOperations.Surrounded(CudaOperations.Weight(type, rows, columns));
            var (u, scale, values) = StatsQ.Levels(w, bits);
            var codes = Run("statsq_levels", () => CudaOperations.StatsQCodes(w, bits));
            var expected = bits == 8 ? u : (u * 2) + 1;
            Assert.True(codes[0].to(float32).equal(expected).all().item<bool>());
            Assert.True((codes[1] * (1 << bits)).allclose(scale, 2e-6, 0));
            var own = Run("statsq_values", () => [StatsQ.Quantize(w, bits)])[0];
            Assert.Equal(type, own.dtype);
            Assert.True(own.to(float32).allclose(values.to(float32), type == float32 ? 2e-6 : 8e-3, 0));
        }
    }

    [Fact]
    public void StatsQ_OfABatch_HasAScaleForEachPosition()
    {
        var x = CudaOperations.Weight(float32, 3, 5, 33);
        var values = Run("statsq_values", () => [StatsQ.Quantize(x, 4)])[0];
        Assert.True(values.allclose(StatsQ.Plain(x, 4), 2e-6, 0));
    }
}
