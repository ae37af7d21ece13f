using Marrow.Autograd;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Autograd;

/// <summary>The gradient of a bias is the sum over rows, by kernels or not.</summary>
public class BiasGradientTests
{
    [Theory]
    [InlineData(0, 5)]
    [InlineData(1, 1)]
    [InlineData(7, 19)]
    [InlineData(1201, 100)]
    public void Sum_IsThatOfTheRows(int rows, int columns)
    {
        using var scope = NewDisposeScope();
        manual_seed(rows);
        var dy = randn(rows, columns) + 3;
        Near(dy, BiasGradient.Of(dy), float32);
        Near(dy.to(float64), BiasGradient.Of(dy.to(float64)), float64);
        Near(dy, BiasGradient.Of(dy.t().contiguous().t()), float32);
    }

    private static void Near(Tensor dy, Tensor sum, ScalarType type)
    {
        Assert.Equal(type, sum.dtype);
        Assert.Equal([dy.size(1)], sum.shape);
        Assert.InRange((sum - dy.to(float64).sum([0])).abs().max().item<double>(), 0, 1e-5 * Math.Max(1, dy.size(0)));
    }
}
