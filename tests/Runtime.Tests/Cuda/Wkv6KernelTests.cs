using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Cuda;

/// <summary>WKV6's CUDA kernels against the recurrence, step by step.</summary>
[Trait("Gpu", "yes")]
public sealed class Wkv6KernelTests : KernelTest
{
    // Tokens below, at and above a group's and a segment's, and heads of a part of a warp and of several.
    [Theory]
    [InlineData(1, 1, 2, 16, false)]
    [InlineData(2, 6, 3, 16, true)]
    [InlineData(1, 32, 1, 64, true)]
    [InlineData(1, 33, 2, 48, false)]
    [InlineData(2, 71, 2, 64, true)]
    public void Wkv6_GivesThePlainRecurrence_AndItsGradients(int batch, int tokens, int heads, int size, bool hasState)
    {
        var own = Run("wkv6_backward_keys", () => CudaOperations.Wkv6(batch, tokens, heads, size, float32, hasState));
        Assert.Contains("wkv6_forward", KernelHost.Driver.Launched);
        Assert.Contains("wkv6_backward_values", KernelHost.Driver.Launched);
        AssertNear(own, CudaOperations.Wkv6(batch, tokens, heads, size, float32, hasState, isPlain: true), 2e-5);
    }

    [Fact]
    public void Wkv6_OfBfloat16_ComputesInFloat32()
    {
        var own = Run("wkv6_backward_keys", () => CudaOperations.Wkv6(1, 9, 2, 16, bfloat16, hasState: true));
        Assert.Equal(bfloat16, own[0].dtype);
        Assert.Equal(float32, own[1].dtype);
        // The CPU's kernels over the same numbers.
        AssertNear(own, CudaOperations.Wkv6(1, 9, 2, 16, bfloat16, hasState: true), 8e-3);
    }

    [Theory]
    [InlineData(ScalarType.Float32, 12)]
    [InlineData(ScalarType.Float32, 80)]
    [InlineData(ScalarType.Float64, 16)]
    public void Wkv6_OfOtherTypesAndSizes_TakesNoCudaKernel(ScalarType type, int size)
    {
        using var cuda = KernelHost.Take();
        CudaOperations.Wkv6(1, 3, 1, size, type, hasState: false);
        Assert.Empty(KernelHost.Driver.Launched);
    }
}
