using Marrow.Autograd;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Cuda;

/// <summary>RMSNorm's CUDA kernels against the plain formula.</summary>
[Trait("Gpu", "yes")]
public sealed class RmsNormKernelTests : KernelTest
{
    public static TheoryData<ScalarType, int, int> Sizes => [.. OddSizes, (bfloat16, 300, 9)];

    [Theory]
    [MemberData(nameof(Sizes))]
    public void RmsNorm_IsTheFormula_AndItsGradients(ScalarType type, int rows, int columns)
    {
        foreach (var zeroCentered in (bool[])[false, true])
        {
            var own = Run("rms_norm_weight", () => Gradients(zeroCentered, type));
            Assert.All(own, result => Assert.Equal(type, result.dtype));
            using var eager = new EagerMode();
            AssertNear(own, Gradients(zeroCentered, float64), Tolerance(type));
            // The roundings of the formula, but where a sum's last digit decides.
            var differ = own[0] != Gradients(zeroCentered, type)[0];
            Assert.True(type == float32 || differ.sum().cpu().item<long>() <= 1 + (differ.numel() / 100));
        }

        IReadOnlyList<Tensor> Gradients(bool zeroCentered, ScalarType computed)
        {
            manual_seed(rows + columns);
            var (x, dy, w) = (randn(rows, columns).to(type), randn(rows, columns).to(type), randn(columns).to(type));
            using var norm = new RmsNorm("norm", columns, 1e-5, zeroCentered, computed, KernelHost.Device);
            using (no_grad())
            {
                norm.Weight.copy_(w);
            }

            return RmsNormOf(norm, computed == type ? CudaOperations.Surrounded(x) : x.to(computed), dy.to(computed));
        }
    }

    [Fact]
    public void AFrozenWeight_HasNoGradientMade()
    {
        using var norm = new RmsNorm("norm", 40, 1e-5, false, bfloat16, KernelHost.Device);
        norm.Weight.requires_grad = false;
        var (x, dy) = (randn(4, 40).to(bfloat16), randn(4, 40).to(bfloat16));
        Run("rms_norm_backward", () => RmsNormOf(norm, x, dy));
        Assert.DoesNotContain("rms_norm_weight", KernelHost.Driver.Launched);
    }

    [Fact]
    public void AWeightOfAnotherType_TakesThePlainFormula()
    {
        using var norm = new RmsNorm("norm", 40, 1e-5, false, float32, KernelHost.Device);
        var x = randn(4, 40).to(bfloat16);
        Run("rms_norm_forward", () => [norm.call(x)], isLaunched: false);
    }

    [Fact]
    public void OfNoRows_TheGradientIsZero()
    {
        using var norm = new RmsNorm("norm", 8, 1e-5, false, float32, KernelHost.Device);
        var own = Run("rms_norm_forward", () => RmsNormOf(norm, zeros(0, 8), zeros(0, 8)), isLaunched: false);
        Assert.Equal([0, 8], own[1].shape);
        Assert.True(own[2].equal(zeros(8)).all().item<bool>());
    }

    private static IReadOnlyList<Tensor> RmsNormOf(RmsNorm norm, Tensor x, Tensor dy)
    {
        norm.zero_grad();
        var leaf = x.detach().requires_grad_();
        var y = norm.call(leaf);
        y.backward([dy]);
        return [y.detach(), leaf.grad!, .. norm.Weight.grad is { } ofWeight ? (Tensor[])[ofWeight.clone()] : []];
    }
}
