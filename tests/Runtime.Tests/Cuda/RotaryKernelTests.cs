using Marrow.Autograd;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Cuda;

/// <summary>The CUDA kernel of rotary positions against the formula.</summary>
[Trait("Gpu", "yes")]
public sealed class RotaryKernelTests : KernelTest
{
    public static TheoryData<ScalarType, int, int, int, int> Sizes =>
        new(from type in (ScalarType[])[float32, bfloat16, float16]
            from size in ((int, int, int, int)[])[(1, 1, 1, 2), (2, 5, 3, 6), (2, 3, 4, 32), (1, 3, 40, 128)]
            select (type, size.Item1, size.Item2, size.Item3, size.Item4));

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Rotary_IsTheFormula_BothWays(ScalarType type, int batch, int tokens, int heads, int size)
    {
        manual_seed(size);
        // A part of wider heads among others, as of a fused projection; and tables whose halves differ.
        var whole = full([batch, tokens, heads + 3, size + 8], double.NaN, dtype: type);
        var x = whole.narrow(2, 1, heads).narrow(3, 8, size);
        x.copy_(randn(batch, tokens, heads, size));
        var (cos, sin) = (randn(tokens, size).to(type), randn(tokens, size).to(type));
        var dy = randn(batch, tokens, heads, size).to(type);
        foreach (var input in (Tensor[])[x, CudaOperations.Surrounded(x.contiguous())])
        {
            var own = Run("rotary", () => Turned(input, CudaOperations.Surrounded(cos), sin, dy));
            Assert.All(own, result => Assert.Equal(type, result.dtype));
            using var eager = new EagerMode();
            AssertNear(
                own, Turned(x.to(float64), cos.to(float64), sin.to(float64), dy.to(float64)), Tolerance(type));
        }
    }

    [Fact]
    public void TablesOfAnotherType_TakeThePlainFormula()
    {
        var (x, table) = (randn(1, 2, 3, 4).to(bfloat16), randn(2, 4));
        Run("rotary", () => [RotaryEmbedding.Rotate(x, table, table)], isLaunched: false);
    }

    private static IReadOnlyList<Tensor> Turned(Tensor x, Tensor cos, Tensor sin, Tensor dy)
    {
        var leaf = x.detach().requires_grad_();
        var y = RotaryEmbedding.Rotate(leaf, cos, sin);
        y.backward([dy]);
        return [y.detach(), leaf.grad!];
    }
}
