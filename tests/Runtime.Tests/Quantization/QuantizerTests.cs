using Marrow.CompilerServices;
using Marrow.Quantization.Layers;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Quantization;

/// <summary>
/// Single quantizers: kernels against plain operations, and gradients against differences of their surrogate.
/// </summary>
public class QuantizerTests
{
    public static TheoryData<ScaleGranularity, long[], bool> Shapes =>
    [
        (ScaleGranularity.Tensor, [3, 5], true), (ScaleGranularity.Position, [2, 197, 33], true),
            (ScaleGranularity.Position, [4, 3, 50, 50], false),
        (ScaleGranularity.Channel, [2, 50, 70], true), (ScaleGranularity.Row, [130, 65], false),
            (ScaleGranularity.ImageChannel, [4, 3, 32, 32], false),
    ];

    [Theory]
    [InlineData(2, new long[] { 300, 130 })]
    [InlineData(3, new long[] { 7, 5 })]
    [InlineData(4, new long[] { 2, 50, 33 })]
    [InlineData(8, new long[] { 2, 3, 50, 40 })]
    public void StatsQ_KernelIsThePlainFormula(int bits, long[] shape)
    {
        using var scope = NewDisposeScope();
        manual_seed(1);
        var w = randn(shape);
        var (fused, plain) = (StatsQ.Quantize(w, bits), StatsQ.Plain(w, bits));

        // A scale that differs in its last bit may round a weight at a boundary to the next level.
        var differing = ((fused - plain).abs() > 1e-5).count_nonzero().item<long>();
        Assert.InRange(differing, 0, w.numel() / 5000);
        Assert.Equal(fused.bytes.ToArray(), StatsQ.Quantize(w, bits).bytes.ToArray());
    }

    [Theory, InlineData(2), InlineData(3), InlineData(4), InlineData(8)]
    public void StatsQ_LevelsAreThoseOfTheQuotient_BesideBoundariesToo(int bits)
    {
        using var scope = NewDisposeScope();
        manual_seed(bits);
        const int Columns = 203;
        var w = randn(9, Columns);
        w[1] *= bernoulli(full(Columns, 0.5)); // zeros lie on a boundary
        w[2] = sign(w[2]) * 0.3;               // as all do that are as large as the mean
        w[3] = randint(-8, 9, [Columns], dtype: float32) / 8;
        w[4] *= 1e-38;                         // scales too small to have a finite reciprocal
        w[5] = sign(w[5]) * 1e-38;
        w[6] *= 1e30;
        w[7] = 0;
        w[8, 0] = 1e4;
        var p = StatsQ.Codes(w, bits);
        var (weights, scales, stored) =
            (w.data<float>().ToArray(), p.Scale.data<float>().ToArray(), p.Stored.data<sbyte>().ToArray());
        var (n, isOdd) = (1 << (bits - 1), bits < 8 ? 1 : 0);
        for (var i = 0; i < weights.Length; i++)
        {
            var scale = scales[i / Columns] * 2 * n; // ws is the scale over 2n
            var u = MathF.Round((Math.Clamp(weights[i] / (scale == 0 ? 1 : scale), -1, (float)StatsQ.HighestRatio) * n)
                - 0.5f);
            var difference = MathF.Abs((u * (1 + isOdd)) + isOdd - stored[i]);
            // a scale as small as theirs has lost bits in ws
            Assert.InRange(difference, 0, i / Columns is 4 or 5 ? 1 + isOdd : 0);
        }

        var values = StatsQ.Quantize(w, bits);
        Assert.True((values - p.Dequantize()).abs().max().item<float>() <= 1e-6f * values.abs().max().item<float>());
    }

    /// <summary>The end of the clip, 1 - 1e-6, is 1 in 16 bits, and 1 would be a level too many.</summary>
    [Theory]
    [InlineData(2, ScalarType.BFloat16)]
    [InlineData(8, ScalarType.BFloat16)]
    [InlineData(2, ScalarType.Float16)]
    [InlineData(4, ScalarType.Float16)]
    public void StatsQ_Of16Bits_HasTheLevelsOfTheSameNumbersIn32(int bits, ScalarType type)
    {
        using var scope = NewDisposeScope();
        manual_seed(2);
        var w = (randn(64, 96) * tensor(new[] { 1f, 4f, 0.1f, 40f }).repeat(24)).to(type);
        var (codes, exact) = (StatsQ.Codes(w, bits), StatsQ.Codes(w.to(float32), bits));
        Assert.InRange(codes.Stored.ne(exact.Stored).sum().item<long>(), 0, w.numel() / 2000);
        Assert.InRange(codes.Stored.sub(exact.Stored).abs().max().item<sbyte>(), 0, bits < 8 ? 2 : 1);
        Assert.True(codes.Scale.allclose(exact.Scale, rtol: 1e-5));
        var values = StatsQ.Quantize(w, bits);
        Assert.Equal(type, values.dtype);
        Assert.InRange((values.to(float32) - StatsQ.Quantize(w.to(float32), bits)).abs().max().item<float>(), 0, 0.5);
    }

    [Fact]
    public void StatsQ_GradientPassesStraightThrough()
    {
        using var scope = NewDisposeScope();
        var (w, dy) = ((randn(4, 6, dtype: float64) * 3).requires_grad_(), randn(4, 6, dtype: float64));
        StatsQ.Quantize(w, 2).backward([dy]);
        Assert.Equal(dy.data<double>().ToArray(), w.grad!.data<double>().ToArray());
    }

    [Fact]
    public void StatsQ_OfZeros_IsZero()
    {
        using var scope = NewDisposeScope();
        Assert.Equal(0, StatsQ.Quantize(zeros(3, 40), 2).abs().sum().item<float>());
        Assert.Equal(0, StatsQ.Quantize(zeros(3, 40, dtype: float64), 2).abs().sum().item<double>());
    }

    [Theory, MemberData(nameof(Shapes))]
    public void Lsq_KernelIsThePlainFormula(ScaleGranularity sharing, long[] shape, bool hasShifts)
    {
        using var scope = NewDisposeScope();
        manual_seed(2);
        var range = LevelRange.Signed(3);
        var x = randn(shape);
        var steps = Lsq.InitialStep(x, range, sharing, 2);
        var (before, after) = hasShifts ? (randn(shape[^1]) * 0.1, randn(shape[^1])) : ((Tensor?)null, (Tensor?)null);
        var dy = randn(shape);
        var (fused, plain) = (Run(Lsq.Quantize), Run(Lsq.Plain));
        foreach (var ((name, a), (_, b)) in fused.Zip(plain))
        {
            Assert.True((a - b).abs().max().item<float>() <= 1e-5 * b.abs().max().item<float>(),
                $"{name} of {sharing}: {(a - b).abs().max().item<float>()}");
        }

        Assert.All(fused.Zip(Run(Lsq.Quantize)), pair =>
            Assert.Equal(pair.First.Value.bytes.ToArray(), pair.Second.Value.bytes.ToArray()));

        List<(string Name, Tensor Value)> Run(
            Func<Tensor, Tensor, LevelRange, ScaleGranularity, Tensor?, Tensor?, Tensor> quantize)
        {
            var (input, s, b, a) = (Leaf(x)!, Leaf(steps)!, Leaf(before), Leaf(after));
            var y = quantize(input, s, range, sharing, b, a);
            y.backward([dy]);
            List<(string, Tensor)> results = [("y", y.detach()), ("dx", input.grad!), ("dstep", s.grad!)];
            if (b is not null)
            {
                results.AddRange([("dbefore", b.grad!), ("dafter", a!.grad!)]);
            }

            return results;
        }

        static Tensor? Leaf(Tensor? value) => value?.clone().requires_grad_();
    }

    [Theory]
    [InlineData(2, false)]
    [InlineData(4, false)]
    [InlineData(3, true)]
    public void Lsq_GradientsAreThoseOfTheSurrogate(int bits, bool isUnsigned)
    {
        using var scope = NewDisposeScope();
        manual_seed(3);
        var range = isUnsigned ? LevelRange.Unsigned(bits) : LevelRange.Signed(bits);
        var x = (randn(2, 3, 5, dtype: float64) + (isUnsigned ? 0.5 : 0)).requires_grad_();
        var step = (rand(3, dtype: float64) + 0.3).requires_grad_();
        var (before, after) =
            ((randn(5, dtype: float64) * 0.1).requires_grad_(), randn(5, dtype: float64).requires_grad_());
        var dy = randn(2, 3, 5, dtype: float64);
        Lsq.Quantize(x, step, range, ScaleGranularity.Position, before, after).backward([dy]);

        // The surrogate: what rounding adds is a constant. Its derivative by S is scaled by 1 / sqrt(high · count).
        Tensor rounding;
        using (no_grad())
        {
            var q = Clipped();
            rounding = q.round() - q;
        }

        var (dx, dstep, dbefore, dafter) = (x.grad!.clone(), step.grad!.clone() * Math.Sqrt(range.High * 10),
            before.grad!.clone(), after.grad!.clone());
        foreach (var (value, gradient) in new[] { (x, dx), (step, dstep), (before, dbefore), (after, dafter) })
        {
            using var noGrad = no_grad();
            var (entries, found) = (value.view(-1), gradient.view(-1));
            for (var entry = 0; entry < entries.numel(); entry++)
            {
                var original = entries[entry].item<double>();
                var difference = (At(original + 1e-6) - At(original - 1e-6)) / 2e-6;
                entries[entry] = original;
                Assert.Equal(difference, found[entry].item<double>(), 1e-6);

                double At(double changed)
                {
                    entries[entry] = changed;
                    return ((((Clipped() + rounding) * step.view(1, 3, 1)) + after) * dy).sum().item<double>();
                }
            }
        }

        Tensor Clipped() => ((x + before) / step.view(1, 3, 1)).clamp(range.Low, range.High);
    }

    [Theory]
    [InlineData(12, 8, true, 3, 2, 2)]
    [InlineData(7, 5, false, 1, 8, 8)]
    [InlineData(6, 9, true, 2, 5, 4)]
    public void Layers_InFloat64_HaveTheGradientsOfThePlainFormula(
        int inner, int outer, bool bias, int tokens, int bits, int activations)
    {
        foreach (var model in new OneLinear[]
        {
            new StatsQLinear(inner, outer, bias, tokens, bits, activations),
                new LsqLinear(inner, outer, bias, tokens, bits, activations),
            new WeightOnlyLinear(inner, outer, bias, tokens, bits),
        })
        {
            using var scope = NewDisposeScope();
            manual_seed(4);
            model.to(ScalarType.Float64);
            var x = randn(2, tokens, inner, dtype: float64);
            var difference = ((IModel)model).VerifyAgainstEager(x);
            Assert.True(difference.Output <= 1e-13 * difference.LargestOutput, $"{model.GetType().Name}: {difference}");
            Assert.All(difference.Gradients, pair =>
                Assert.True(pair.Value <= 1e-11, $"{model.GetType().Name}, {pair.Key}: {pair.Value}"));
        }
    }

    [Theory]
    [InlineData(1, 2)]
    [InlineData(2, 2)]
    [InlineData(3, 8)]
    [InlineData(8, 4)]
    public void Layers_InFloat32_AgreeWithThePlainFormula(int bits, int activations)
    {
        var learned = new LsqLinear(70, 130, true, 197, bits, activations);
        foreach (var model in bits == 1 ? (OneLinear[])[learned]
            : [learned, new StatsQLinear(70, 130, true, 197, bits, activations)])
        {
            using var scope = NewDisposeScope();
            manual_seed(5);
            var difference = ((IModel)model).VerifyAgainstEager(randn(2, 197, 70));
            Assert.True(difference.Output <= 2e-6 * difference.LargestOutput, $"{model.GetType().Name}: {difference}");
        }
    }

    [Theory, InlineData(2, false), InlineData(8, true)]
    public void Bfloat16Products_AreNearTheExactOnes(int bits, bool isUnsigned)
    {
        // On every processor, with and without instructions for them.
        using var scope = NewDisposeScope();
        manual_seed(bits);
        var (step, after, dy) = (rand(5) + 0.5, randn(48) * 0.1, randn(20, 40));
        var q = ActivationLevels.Of(
            randn(20, 48), step, null, isUnsigned ? LevelRange.Unsigned(bits) : LevelRange.Signed(bits));
        var p = StatsQ.Codes(randn(40, 48), bits);
        var (input, weight, bias) = Bfloat16Backward.Rounded(dy, q, p, step, after);
        Check(input, dy.mm(p.Dequantize()), 1e-2);
        Check(weight, dy.t().mm(q.Dequantize(step, after)), 1e-2);
        Check(bias, dy.sum([0]), 1e-6);

        static void Check(Tensor rounded, Tensor exact, double tolerance) =>
            Assert.InRange((rounded - exact).abs().max().item<float>() / exact.abs().max().item<float>(), 0, tolerance);
    }

    [Fact]
    public void Bfloat16Backward_IsNearTheExactOne()
    {
        using var scope = NewDisposeScope();
        manual_seed(6);
        var model = new Bfloat16Linear();
        var exact = new StatsQLinear(48, 40, true, 5, 2, 2);
        var x = randn(4, 5, 48);
        model.call(x);
        using (no_grad())
        {
            exact.load_state_dict(model.state_dict());
        }

        var (a, b) = (Gradients(model), Gradients(exact));
        foreach (var (name, gradient) in b)
        {
            var error = (a[name] - gradient).abs().max().item<float>() / gradient.abs().max().item<float>();
            Assert.True(error < 2e-2, $"{name}: {error}");
        }

        Dictionary<string, Tensor> Gradients(OneLinear layer)
        {
            manual_seed(7);
            layer.call(x).backward([randn(4, 5, 40)]);
            return layer.named_parameters().ToDictionary(pair => pair.name, pair => pair.parameter.grad!);
        }
    }

    // Enough rows for products of our own, whose thin results are transposed views.
    [Fact]
    public void LsqWeights_OfAThinLayer_HaveTheirGradients()
    {
        using var scope = NewDisposeScope();
        manual_seed(9);
        var model = new ThinLsqLinear();
        var x = randn(1000, 72);
        model.call(x);
        var difference = ((IModel)model).VerifyAgainstEager(x);
        Assert.All(difference.Gradients, pair => Assert.True(pair.Value < 2e-2, $"{pair.Key}: {pair.Value}"));
    }

    [Fact]
    public void QkrProduct_WithABfloat16Backward_IsNearTheExactOne()
    {
        using var scope = NewDisposeScope();
        manual_seed(8);
        var (x, weight, bias) =
            (randn(13, 100, 96), randn(160, 96, requires_grad: true), zeros(160, requires_grad: true));
        var source = new LevelSource(x, rand(100) + 0.5, randn(96) * 0.1, randn(96) * 0.1, LevelRange.Signed(2));
        var quantized = Lsq.Quantize(
            x, source.Step, source.Range, ScaleGranularity.Position, source.Before, source.After).requires_grad_();
        var dy = randn(13, 100, 160);
        var (exact, rounded) = (Gradients(false), Gradients(true));
        for (var i = 0; i < exact.Length; i++)
        {
            var error = (rounded[i] - exact[i]).abs().max().item<float>() / exact[i].abs().max().item<float>();
            Assert.InRange(error, 0, 1e-2);
            Assert.True(error > 0 || i == 2 || !Bfloat16Backward.IsUsed, "the setting changed nothing");
        }

        Tensor[] Gradients(bool inBfloat16)
        {
            var y = QuantizedProduct.Run(
                quantized, source, weight, bias, new QuantizerSettings(2, 2, Bfloat16Backward: inBfloat16), []);
            return [.. autograd.grad([y], [quantized, weight, bias], [dy]).Select(gradient => gradient.clone())];
        }
    }

    [Theory]
    [InlineData(9, 2, "Bits 9 is not in 2 to 8")]
    [InlineData(2, 1, "Activations 1 is not in 2 to 8")]
    [InlineData(2, 0, "write 0 as a constant")]
    public void WrongBits_KnownOnlyAtRunTime_AreOneClearError(int bits, int activations, string words)
    {
        Assert.Contains(words,
            Assert.Throws<ArgumentException>(() => new StatsQLinear(6, 5, true, 1, bits, activations)).Message);
        Assert.Contains(words.Replace("2 to 8", bits == 9 ? "1 to 8" : "2 to 8"),
            Assert.Throws<ArgumentException>(() => new LsqLinear(6, 5, true, 1, bits, activations)).Message);
    }

    [Fact]
    public void WrongNumberOfTokens_IsOneClearError()
    {
        using var scope = NewDisposeScope();
        var fault = Assert.Throws<ArgumentException>(() => new StatsQLinear(8, 8, true, 5, 2, 2).call(randn(2, 4, 8)));
        Assert.Contains("a quantizer step for each of 5 tokens; the input is [2, 4, 8]", fault.Message);
    }

    [Fact]
    public void TensorsOfMoreThan2To31Entries_HaveALayout_OffTheCpu()
    {
        using var x = empty([1 << 16, 1 << 16], dtype: float32, device: META);
        Assert.Equal(new(1 << 16, 1 << 16, 1 << 16, IsPerColumn: false), ScaleGranularity.Position.LayoutOf(x));
        using var row = empty([1L << 32], dtype: float32, device: META);
        Assert.Throws<ArgumentException>(() => ScaleGranularity.Tensor.LayoutOf(row));
    }
}
