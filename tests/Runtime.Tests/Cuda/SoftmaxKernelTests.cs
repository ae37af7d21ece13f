using Marrow.CompilerServices;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Cuda;

/// <summary>The quantized softmax's CUDA kernels against softmax and LSQ.</summary>
[Trait("Gpu", "yes")]
public sealed class SoftmaxKernelTests : KernelTest
{
    // Rows of a part of a warp's sweep, of more than one, and of a whole block.
    public static TheoryData<ScalarType, int, int> Sizes =>
        [.. from type in (ScalarType[])[float32, bfloat16, float16]
            from size in ((int, int)[])[(1, 1), (2, 7), (3, 64), (1, 300)]
            select (type, size.Item1, size.Item2), (float32, 1, 1100)];

    [Theory, MemberData(nameof(Sizes))]
    public void Softmax_GivesThePlainFormula_AndItsGradients(ScalarType type, int heads, int size)
    {
        foreach (var images in (int?[])[null, 1, 2])
        {
            if (size > 1000 && images != 1)
            {
                continue;
            }

            var own = Run("softmax_gradients", () => Weights(type, heads, size, images));
            Assert.Contains("softmax_levels", KernelHost.Driver.Launched);
            Assert.All(own, result => Assert.Equal(type, result.dtype));
            AssertNear(own, Weights(type, heads, size, images, isPlain: true), 5 * Tolerance(type));
        }
    }

    [Fact]
    public void NaN_AndRowsWithoutAnEntry_AreNaN()
    {
        using var cuda = KernelHost.Take();
        var logits = zeros(1, 1, 3, 3);
        logits[0, 0, 0, 1] = float.NaN;
        logits[0, 0, 1] = float.NegativeInfinity;
        logits[0, 0, 2, 0] = float.NegativeInfinity;
        var weights = Lsq.QuantizeSoftmax(logits, null, full(3, 0.25f), LevelRange.Unsigned(2)).cpu();
        float[] expected = [.. Enumerable.Repeat(float.NaN, 6), 0, 0.5f, 0.5f];
        Assert.Equal(expected, weights.data<float>());
    }

    /// <summary>Quantized weights and the gradients of logits, step and bias.</summary>
    internal static IReadOnlyList<Tensor> Weights(
        ScalarType type, int heads, int size, int? biases, bool isPlain = false)
    {
        manual_seed(heads + size);
        // In one type for the plain formula, so that it computes what the kernel does.
        var inputs = new[]
        {
            randn(2, heads, size, size) * 2, (rand(size) + 0.5) / size, randn(biases ?? 1, heads, size, size),
        }
            .Select(input => input.to(type).to(isPlain ? float32 : type)).ToArray();
        var dy = randn(2, heads, size, size).to(type).to(isPlain ? float32 : type);
        if (!isPlain)
        {
            inputs[0] = CudaOperations.Surrounded(inputs[0]);
        }

        inputs = [.. inputs.Take(biases is null ? 2 : 3).Select(input => input.detach().requires_grad_())];
        var (range, bias) = (LevelRange.Unsigned(3), biases is null ? null : inputs[2]);
        var y = isPlain
            ? Lsq.Plain(
                nn.functional.softmax(bias is null ? inputs[0] : inputs[0] + bias, -1), inputs[1], range,
                ScaleGranularity.Position)
            : Lsq.QuantizeSoftmax(inputs[0], bias, inputs[1], range);
        y.backward([dy]);
        return [y.detach(), .. inputs.Select(input => input.grad!)];
    }
}
