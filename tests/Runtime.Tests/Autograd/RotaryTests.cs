using Marrow.Autograd;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Autograd;

/// <summary>
/// The fused rotary embedding is the formula, forward and backward, also where the two halves of a table differ.
/// </summary>
public class RotaryTests
{
    [Theory]
    [InlineData(1, 1, 1, 2)]
    [InlineData(2, 5, 3, 6)]
    [InlineData(2, 33, 4, 32)]
    [InlineData(3, 50, 2, 36)]
    public void Fused_IsTheFormula(int batch, int tokens, int heads, int size)
    {
        using var scope = NewDisposeScope();
        manual_seed(tokens);
        var (cos, sin) = (randn(tokens, size), randn(tokens, size));
        var (x, dy) = (randn(batch, heads, tokens, size).transpose(1, 2), randn(batch, tokens, heads, size));
        var (y, dx) = Gradients(x, dy, cos, sin);
        using var eager = new EagerMode();
        var (exactY, exactDx) = Gradients(x.to(float64), dy.to(float64), cos.to(float64), sin.to(float64));
        Assert.InRange((y - exactY).abs().max().item<double>(), 0, 2e-6);
        Assert.InRange((dx - exactDx).abs().max().item<double>(), 0, 2e-6);
    }

    [Fact]
    public void TablesOfOtherSizes_AreRefused()
    {
        using var scope = NewDisposeScope();
        var fault = Assert.Throws<ArgumentException>(() =>
            RotaryEmbedding.Rotate(zeros(2, 5, 3, 8), zeros(4, 8), zeros(4, 8)));
        Assert.Contains("x is [2, 5, 3, 8], cos [4, 8]", fault.Message);
        Assert.Throws<ArgumentException>(() => RotaryEmbedding.Rotate(zeros(2, 5, 3, 7), zeros(5, 7), zeros(5, 7)));
    }

    private static (Tensor Y, Tensor Dx) Gradients(Tensor x, Tensor dy, Tensor cos, Tensor sin)
    {
        var leaf = x.detach().requires_grad_();
        var y = RotaryEmbedding.Rotate(leaf, cos, sin);
        y.backward([dy]);
        return (y, leaf.grad!);
    }
}
