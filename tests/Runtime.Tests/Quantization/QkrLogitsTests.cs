using Marrow.Autograd;
using Marrow.CompilerServices;
using Marrow.Kernels.IntegerGemm;
using Marrow.Quantization.Qkr;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Quantization;

/// <summary>
/// The logits of QKR attention from levels are those of the values in float64, to the rounding of float32; and so are
/// the gradients.
/// </summary>
public class QkrLogitsTests
{
    [Theory]
    [InlineData(2, 65, 3, 192, 2)]
    [InlineData(3, 7, 2, 20, 2)]
    [InlineData(1, 1, 1, 1, 3)]
    [InlineData(2, 49, 3, 96, 4)]
    [InlineData(2, 13, 4, 33, 8)]
    [InlineData(2, 5, 2, 20, 1)]
    [InlineData(1, 5, 2, 1100, 2)] // more columns than are summed at once
    [InlineData(1, 5, 2, 530, 8)]
    public void Logits_AreThoseOfTheValues(int batch, int n, int heads, int d, int bits)
    {
        using var scope = NewDisposeScope();
        manual_seed(n);
        var (x, z) = Operands(batch, n, heads, d, bits);
        var exact = QkrLogits.Plain(x.Values.to(float64), z.Values.to(float64), heads, 0.3);
        var logits = QkrLogits.Of(x, z, heads, 0.3);
        Near(exact, logits);
        Assert.True(logits.is_contiguous() || !Int8Product.UsesInt8Gemm);

        var dy = randn(exact.shape, dtype: float64);
        var wanted = autograd.grad([exact], [x.Values, z.Values], [dy]);
        var gradients = autograd.grad([logits], [x.Values, z.Values], [dy.to(float32)]);
        Near(wanted[0], gradients[0]);
        Near(wanted[1], gradients[1]);
        ReturnedGradients.Free();
    }

    [Fact]
    public void NaN_HasNoLevel()
    {
        Assert.SkipUnless(Int8Product.UsesInt8Gemm, "the processor has VNNI; the product is one of floats there");
        using var scope = NewDisposeScope();
        var (x, z) = Operands(2, 5, 2, 9, 2);
        using (no_grad())
        {
            z.Values[1, 3, 8] = float.NaN;
        }

        Assert.Throws<ArithmeticException>(() => QkrLogits.Of(x, z, 2, 1));
    }

    private static (QuantizedActivations X, QuantizedActivations Z) Operands(
        long batch, long n, long heads, long d, int bits)
    {
        return (Operand(n, d), Operand(n * heads, heads * d));

        QuantizedActivations Operand(long positions, long shift)
        {
            var (step, after, range) = ((rand(positions) * 0.5) + 0.1, randn(shift), LevelRange.Signed(bits));
            var values = Lsq.Quantize(
                randn(batch, positions, d), step, range, ScaleGranularity.Position, before: null, after);
            return new(values.detach().requires_grad_(), step, after, range);
        }
    }

    private static void Near(Tensor expected, Tensor actual)
    {
        Assert.Equal(expected.shape, actual.shape);
        Assert.InRange((actual.to(float64) - expected).abs().max().item<double>(), 0,
            2e-6 * expected.to(float64).abs().max().item<double>());
    }
}
