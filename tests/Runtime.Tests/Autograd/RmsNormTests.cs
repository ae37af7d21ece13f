using Marrow.Layers;
using Marrow.Autograd;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Autograd;

/// <summary>
/// The fused RMSNorm gives the outputs and gradients of the formula in float64, in sizes that fill no vector too.
/// </summary>
public class RmsNormTests
{
    [Theory, InlineData(1, 1), InlineData(3, 5), InlineData(2, 8), InlineData(700, 130)]
    public void Fused_IsTheFormula(int rows, int columns)
    {
        using var scope = NewDisposeScope();
        manual_seed(rows);
        foreach (var (learns, zeroCentered) in new[] { (true, false), (false, false), (true, true), (false, true) })
        {
            var (x, w, dy) = (randn(rows, columns), randn(columns), randn(rows, columns));
            var (y, dx, dw) = Gradients(x, w.requires_grad_(learns), dy, (a, b) =>
                OperationFunction.Run(new RmsNormOperation(1e-5, zeroCentered, learns), a, b));
            var exact = Gradients(
                x.to(float64), w.to(float64).detach().requires_grad_(learns), dy.to(float64), (a, b) =>
                    Formula(a, zeroCentered ? b + 1 : b));
            Near(exact.Y, y);
            Near(exact.Dx, dx);
            Assert.Equal(learns, dw is not null);
            if (learns)
            {
                Near(exact.Dw!, dw!);
            }
        }
    }

    [Fact]
    public void Inputs_MayBeViews()
    {
        using var scope = NewDisposeScope();
        var (x, w) = (randn(6, 4, 16).transpose(0, 1), ones(16));
        Near(Formula(x.to(float64), w.to(float64)),
            OperationFunction.Run(new RmsNormOperation(1e-5, zeroCentered: false, learns: false), x, w));
    }

    [Fact]
    public void SecondDerivative_IsRefused()
    {
        using var scope = NewDisposeScope();
        var x = randn(2, 8, requires_grad: true);
        var norm = new RmsNormOperation(1e-5, zeroCentered: false, learns: false);
        var loss = OperationFunction.Run(norm, x, ones(8)).sum();
        Assert.ThrowsAny<Exception>(() => loss.backward(create_graph: true));
    }

    private static Tensor Formula(Tensor x, Tensor w) => x * (x.square().mean([-1], keepdim: true) + 1e-5).rsqrt() * w;

    private static (Tensor Y, Tensor Dx, Tensor? Dw) Gradients(
        Tensor x, Tensor w, Tensor dy, Func<Tensor, Tensor, Tensor> norm)
    {
        var leaf = x.detach().requires_grad_();
        w.grad = null;
        var y = norm(leaf, w);
        y.backward([dy]);
        return (y, leaf.grad!, w.grad);
    }

    private static void Near(Tensor exact, Tensor value) =>
        Assert.InRange((exact - value).abs().max().item<double>(), 0,
            2e-6 * Math.Max(1, exact.abs().max().item<double>()));
}
