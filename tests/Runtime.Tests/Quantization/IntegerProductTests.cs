using Marrow.CompilerServices;
using Marrow.Kernels.Memory;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Quantization;

/// <summary>
/// The integer path is the product of the dequantized values, in float64, to the rounding of one float32.
/// </summary>
public class IntegerProductTests
{
    public static TheoryData<int, int, bool> Bits => [.. from w in Enumerable.Range(1, 8) from a in (
        int[])[2, 3, 4, 8] from isUnsigned in (bool[])[false, true] select (w, a, isUnsigned)];

    [Theory, MemberData(nameof(Bits))]
    public void Product_IsThatOfTheValues(int bits, int activations, bool isUnsigned)
    {
        foreach (var (tokens, batch, inner, outer) in (
            (int, int, int, int)[])[(1, 1, 1, 3), (3, 2, 7, 5), (197, 2, 65, 130), (1, 700, 33, 17)])
        {
            foreach (var weights in bits == 1 ? (WeightQuantizer[])[WeightQuantizer.Lsq]
                : [WeightQuantizer.Lsq, WeightQuantizer.StatsQ])
            {
                Check(bits, activations, isUnsigned, tokens, batch, inner, outer, weights);
            }
        }
    }

    [Fact]
    public void Product_OfManyTerms_DoesNotOverflow()
    {
        using var scope = NewDisposeScope();
        var (x, w) = (ones(1, 40000) * 1e3, ones(2, 40000));
        var p = StatsQ.Codes(w, 8);
        var q = ActivationLevels.Of(x, ones(1), null, LevelRange.Unsigned(8));
        var y = IntegerProduct.Linear(q, p, ones(1), null, null);
        var expected = 255 * (p.Dequantize().to(float64)).sum([1]);
        Assert.True((y[0].to(float64) - expected).abs().max().item<double>() < 1e-6 * expected.max().item<double>());
    }

    [Fact]
    public void Levels_ThatAreReplaced_NeedNotKeepToTheirRange()
    {
        using var scope = NewDisposeScope();
        manual_seed(3);
        var (q, step) = (ActivationLevels.Of(randn(20, 40), ones(1), null, LevelRange.Signed(2)), ones(1));
        var p = StatsQ.Codes(randn(70, 40), 2);
        using var held = new FrozenCodes(isOdd: true);
        held.FreezeCodes(rand(70, 40) > 0.5, full([70, 40], 11, dtype: int8)); // as from a checkpoint of more bits
        Check(held.Apply(p));
        Check(p with { Stored = p.Stored * 5 });
        Check(StatsQ.Codes(randn(40, 70).t(), 2)); // laid out by rows, whatever the weight is

        void Check(WeightLevels weight)
        {
            var (y, expected) = (IntegerProduct.Linear(q, weight, step, null, null),
                q.Dequantize(step, null).mm(weight.Dequantize().t()));
            Assert.InRange((y - expected).abs().max().item<float>(), 0, 1e-5f * expected.abs().max().item<float>());
        }
    }

    [Fact]
    public void NaN_HasNoLevel()
    {
        using var scope = NewDisposeScope();
        foreach (var size in (long[])[3, 70000])
        {
            var x = randn(1, size);
            x[0, size - 1] = float.NaN;
            Assert.Throws<ArithmeticException>(() => ActivationLevels.Of(x, ones(1), null, LevelRange.Signed(4)));
        }
    }

    private static void Check(int bits, int activations, bool isUnsigned, int tokens, int batch, int inner, int outer,
        WeightQuantizer weights)
    {
        using var scope = NewDisposeScope();
        manual_seed(bits + (10 * activations));
        var x = randn(batch * tokens, inner) + (isUnsigned ? 0.7f : 0);
        var (w, before, after, bias) = (randn(outer, inner), randn(inner) * 0.1, randn(inner) * 0.1, randn(outer));
        var range = isUnsigned ? LevelRange.Unsigned(activations) : LevelRange.Signed(activations);
        var step = rand(tokens) * 0.5 + 0.05;
        var p = weights == WeightQuantizer.StatsQ
            ? StatsQ.Codes(w, bits)
            : Lsq.Codes(w, rand(outer) * 0.5 + 0.1, LevelRange.Signed(bits));
        var q = ActivationLevels.Of(x, step, before, range);
        var y = IntegerProduct.Linear(q, p, step, after, bias);

        // Every factor in float64, from the same levels and scales.
        var levels = q.Stored.to(float64) + q.Offset;
        Assert.Equal(((x + before) / step.repeat(batch).unsqueeze(1)).clamp(range.Low, range.High).round().to(
            float64).data<double>().ToArray(), levels.data<double>().ToArray());
        var input = (levels * step.to(float64).repeat(batch).unsqueeze(1)) + after.to(float64);
        var weight = p.Stored.to(float64).mul(p.IsHalved ? 2 : 1).add(p.IsHalved ? 1 : 0)
            * p.Scale.to(float64).unsqueeze(1);
        var expected = input.mm(weight.t()) + bias.to(float64);
        var (error, largest) =
            ((y.to(float64) - expected).abs().max().item<double>(), expected.abs().max().item<double>());
        Assert.True(
            error <= 1e-6 * largest,
            $"W{bits} {weights} A{activations} {(isUnsigned ? "unsigned" : "signed")}, {batch}·{tokens} × {inner} → "
            + $"{outer}: {error} of {largest}");

        // The levels keep to what is said of them: products rely on it.
        Assert.True(Holds(q.Span!.Value, q.Stored) && Holds(p.Span!.Value, p.Stored));

        // And the levels are those of the quantizer itself.
        var values = weights == WeightQuantizer.StatsQ ? StatsQ.Plain(w, bits) : p.Dequantize();
        Assert.True((values.to(float64) - weight).abs().max().item<double>() < 1e-6
            * weight.abs().max().item<double>());

        static bool Holds(IntegerRange span, Tensor stored) => IntegerRange.Of(stored) is var found
            && found.Low >= span.Low && found.High <= span.High && (found.Low - span.Low) % span.Spacing == 0
                && (found.Steps == 0 || found.Spacing % span.Spacing == 0);
    }
}
