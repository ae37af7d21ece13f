using Marrow.Tests.Autograd;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Cuda;

/// <summary>The CUDA kernel of cross entropy against torch's.</summary>
[Trait("Gpu", "yes")]
public sealed class CrossEntropyKernelTests : KernelTest
{
    [Theory]
    [MemberData(nameof(OddSizes))]
    public void CrossEntropy_IsTorchs_AndItsGradient(ScalarType type, int rows, int columns)
    {
        manual_seed(rows);
        var (logits, labels) = (randn(rows, columns).mul(5).to(type), randint(columns, [rows], dtype: int64));
        labels[rows / 2] = -100;
        var own = Run("cross_entropy", () => Gradients(CudaOperations.Surrounded(logits), labels));
        Assert.Equal(float32, own[0].dtype);
        Assert.Equal(type, own[1].dtype);
        AssertNear(own, Gradients(logits.to(float64), labels), type == float32 ? 2e-5 : 8e-3);
    }

    [Fact]
    public void WithoutGradients_NoneIsMade()
    {
        var (logits, labels) = (randn(3, 40).to(bfloat16), tensor([1L, -100L, 39L]));
        var own = Run("cross_entropy", () => [TokenLoss.Sum(logits, labels, -100, 0.5)]);
        AssertNear(own, [TokenLoss.Sum(logits.to(float64), labels, -100, 0.5)], 1e-5);
    }

    [Theory]
    [InlineData(float.NaN, true)]
    [InlineData(float.PositiveInfinity, true)]
    [InlineData(float.NegativeInfinity, false)]
    public void WhatIsNotFinite_IsAsWithTorch(float number, bool isNaN)
    {
        var (logits, labels) = (tensor([number, 1f]).view(1, 2), tensor([1L]));
        using var cuda = KernelHost.Take();
        Assert.Equal(isNaN ? float.NaN : 0, TokenLoss.Sum(logits, labels, -100, 1).item<float>());
    }

    [Fact]
    public void TheFormula_HasTheGradientOfDifferences()
    {
        var logits = randn(4, 6, dtype: float64).requires_grad_();
        var labels = tensor([0L, 5L, -100L, 2L]);
        GradCheck.Run(() => TokenLoss.Sum(logits, labels, -100, 0.25), ("logits", logits));
    }

    private static IReadOnlyList<Tensor> Gradients(Tensor logits, Tensor labels)
    {
        var leaf = logits.detach().requires_grad_();
        var loss = TokenLoss.Sum(leaf, labels, -100, 0.25);
        (loss * 4).backward();
        return [loss.detach(), leaf.grad!];
    }
}
