using Marrow.CompilerServices;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Layers;

/// <summary>Convolutions against float64, whose gradients libtorch computes without oneDNN.</summary>
public class Conv2dTests
{
    [Theory]
    [InlineData(3, 6, 8, 4, 4, 0, 1)]
    [InlineData(3, 10, 12, 5, 3, 2, 1)]
    [InlineData(8, 6, 8, 3, 1, 1, 1)]
    [InlineData(8, 6, 9, 3, 2, 1, 2)]
    [InlineData(3, 192, 32, 16, 16, 0, 1)]
    public void Gradients_AreThoseOfFloat64(
        long channels, long outChannels, long edge, long kernel, long stride, long padding, long groups)
    {
        using var scope = NewDisposeScope();
        using var single = Create(ScalarType.Float32);
        using var exact = Create(ScalarType.Float64);
        using (no_grad())
        {
            exact.Weight.copy_(single.Weight);
            exact.Bias!.copy_(single.Bias!);
        }

        var image = randn(2, channels, edge, edge);
        var (x, same) = (image.clone().requires_grad_(), image.to(float64).requires_grad_());
        var (y, expected) = (single.call(x), exact.call(same));
        var dy = randn(y.shape);
        y.backward([dy]);
        expected.backward([dy.to(float64)]);
        Close(y, expected);
        Close(x.grad!, same.grad!);
        Close(single.Weight.grad!, exact.Weight.grad!);
        Close(single.Bias!.grad!, exact.Bias!.grad!);

        Conv2d Create(ScalarType type) =>
            new(new Conv2dSite("conv", channels, outChannels, kernel, stride, padding, groups, true, null, type, CPU));
    }

    private static void Close(Tensor found, Tensor expected) =>
        Assert.True((found.to(float64) - expected).abs().max().item<double>() <= 1e-5
            * expected.abs().max().item<double>());
}
