using Marrow.Autograd;
using Marrow.Tests.Autograd;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Cuda;

/// <summary>The CUDA kernels of gated units against the formulas.</summary>
[Trait("Gpu", "yes")]
public sealed class GatedUnitKernelTests : KernelTest
{
    [Theory]
    [MemberData(nameof(OddSizes))]
    public void GatedUnits_AreTheFormulas_AndTheirGradients(ScalarType type, int rows, int columns)
    {
        manual_seed(columns);
        var both = CudaOperations.Surrounded(randn(2, rows, 2 * columns).mul(3).to(type));
        var dy = randn(2, rows, columns).to(type);
        foreach (var unit in (Func<Tensor, Tensor, Tensor>[])[GatedUnit.Silu, GatedUnit.GeluTanh])
        {
            // Halves of one projection, and tensors of their own.
            foreach (var isApart in (bool[])[false, true])
            {
                var own = Run("gated_backward", () => Gated(unit, both, dy, isApart));
                Assert.Contains("gated_forward", KernelHost.Driver.Launched);
                Assert.All(own, result => Assert.Equal(type, result.dtype));
                using var eager = new EagerMode();
                AssertNear(own, Gated(unit, both.to(float64), dy.to(float64), isApart), Tolerance(type));
            }
        }
    }

    [Fact]
    public void OfHugeNumbers_IsTheFormula()
    {
        var both = cat([tensor([-1e4f, -100, 0, 100, 1e4f]), ones(5)]).view(1, 10);
        var own = Run("gated_backward", () => Gated(GatedUnit.Silu, both, ones(1, 5), isApart: false));
        Assert.Equal([0f, 0, 0, 100, 1e4f], own[0].cpu().data<float>().ToArray());
        Assert.Equal([0, 0, 0.5f, 1, 1, 0, 0, 0, 100, 1e4f], own[1].cpu().data<float>().ToArray());
    }

    [Fact]
    public void TheFormulas_HaveTheGradientsOfDifferences()
    {
        var (gate, up) = (randn(3, 5, dtype: float64).requires_grad_(), randn(3, 5, dtype: float64).requires_grad_());
        GradCheck.Run(() => GatedUnit.Silu(gate, up), ("gate", gate), ("up", up));
        GradCheck.Run(() => GatedUnit.GeluTanh(gate, up), ("gate", gate), ("up", up));
    }

    private static IReadOnlyList<Tensor> Gated(
        Func<Tensor, Tensor, Tensor> unit, Tensor both, Tensor dy, bool isApart)
    {
        var leaf = both.detach().requires_grad_();
        var parts = leaf.chunk(2, -1);
        var y = isApart ? unit(parts[0].contiguous(), parts[1].contiguous()) : unit(parts[0], parts[1]);
        y.backward([dy]);
        return [y.detach(), leaf.grad!];
    }
}
