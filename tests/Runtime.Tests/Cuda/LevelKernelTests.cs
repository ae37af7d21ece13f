using Marrow.CompilerServices;
using Marrow.Quantization.Qkr;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Cuda;

/// <summary>Products of levels on a device, and what makes numbers of levels, against float64.</summary>
[Trait("Gpu", "yes")]
public sealed class LevelKernelTests : KernelTest
{
    /// <summary>Bits of weights and activations, and the product that they take.</summary>
    public static TheoryData<ScalarType, int, int, string> Bits =>
        [.. from type in (ScalarType[])[float32, bfloat16, float16]
            from bits in ((int, int)[])[(1, 2), (2, 2), (4, 4), (8, 8)]
            select (type, bits.Item1, bits.Item2, "mm.dtype")];

    [Theory, MemberData(nameof(Bits))]
    public void Product_IsThatOfTheValues(ScalarType type, int bits, int activations, string product)
    {
        foreach (var (tokens, batch, inner, outer) in (
            (int, int, int, int)[])[(1, 1, 1, 3), (3, 2, 7, 5), (67, 2, 64, 300)])
        {
            foreach (var isUnsigned in (bool[])[false, true])
            {
                foreach (var weights in bits == 1 ? (WeightQuantizer[])[WeightQuantizer.Lsq]
                    : [WeightQuantizer.Lsq, WeightQuantizer.StatsQ])
                {
                    var layer = new Inputs(type, bits, activations, isUnsigned, weights, tokens, batch, inner, outer);
                    var y = Run(product, () => [layer.Product()])[0];
                    Assert.Contains("levels_scaled_floats", KernelHost.Driver.Launched);
                    Assert.Equal(type, y.dtype);
                    AssertNear([y], [layer.Expected()], type == float32 ? 1e-6 : Tolerance(type));
                }
            }
        }
    }

    [Fact]
    public void Product_BeyondFloat32_IsOneOfIntegers()
    {
        // 128 · 128 · 1032 is more than 2²⁴.
        foreach (var weights in (WeightQuantizer[])[WeightQuantizer.Lsq, WeightQuantizer.StatsQ])
        {
            var layer = new Inputs(float32, 8, 8, isUnsigned: true, weights, 1, 17, 1032, 24);
            var y = Run("levels_scaled_integers", () => [layer.Product()]);
            Assert.DoesNotContain("mm.dtype", KernelHost.Driver.Launched);
            AssertNear(y, [layer.Expected()], 1e-6);
        }
    }

    [Theory]
    [InlineData(16, 1032, 24)] // _int_mm takes more rows,
    [InlineData(17, 1031, 24)] // and multiples of 8
    [InlineData(17, 1032, 23)]
    public void Product_OfSizesThatNoExactOneTakes_IsOneOfValues(int batch, int inner, int outer)
    {
        var layer = new Inputs(float32, 8, 8, isUnsigned: false, WeightQuantizer.Lsq, 1, batch, inner, outer);
        AssertNear(Run("levels_values", () => [layer.Product()]), [layer.Expected()], 1e-5);
        Assert.DoesNotContain("levels_scaled_integers", KernelHost.Driver.Launched);
    }

    [Fact]
    public void NaN_ComesOutWhereItComesOutOfValues()
    {
        using var cuda = KernelHost.Take();
        var (x, step, w) = (randn(4, 8), ones(2), randn(5, 8));
        x[2, 3] = float.NaN;
        w[1, 0] = float.NaN;
        foreach (var weights in (WeightLevels[])[StatsQ.Codes(w, 2), Lsq.Codes(w, ones(5), LevelRange.Signed(2))])
        {
            var q = ActivationLevels.Of(x, step, null, LevelRange.Signed(2));
            var y = IntegerProduct.Linear(q, weights, step, zeros(8), null);
            var expected = nn.functional.linear(x, w).isnan();
            Assert.True(y.isnan().equal(expected).all().item<bool>());
        }
    }

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.BFloat16)]
    [InlineData(ScalarType.Float16)]
    public void Gradients_AreThoseOfTheValues(ScalarType type)
    {
        foreach (var (bits, weights) in ((int, WeightQuantizer)[])
            [(2, WeightQuantizer.StatsQ), (8, WeightQuantizer.StatsQ), (4, WeightQuantizer.Lsq)])
        {
            var layer = new Inputs(type, bits, 8, isUnsigned: true, weights, 3, 5, 33, 40);
            var gradients = Run("levels_values", layer.Gradients);
            Assert.All(gradients, gradient => Assert.Equal(type, gradient.dtype));
            AssertNear(gradients, layer.ExpectedGradients(), Tolerance(type));
            AssertNear(Run("levels_rounded", layer.RoundedGradients), layer.ExpectedGradients(), 2e-2);
        }
    }

    [Theory]
    [InlineData(2, 5, 3, 33)]
    [InlineData(1, 67, 2, 64)]
    public void QkrLogits_AreThoseOfTheValues(int batch, int tokens, int heads, int width)
    {
        var own = Run("levels_logits", () => Logits(batch, tokens, heads, width, isPlain: false));
        Assert.Contains("mm.dtype", KernelHost.Driver.Launched);
        AssertNear(own, Logits(batch, tokens, heads, width, isPlain: true), 1e-5);
    }

    [Fact]
    public void QkrLogits_OfNaN_AreNaNWhereTheFormulasAre()
    {
        using var cuda = KernelHost.Take();
        var (x, z) = (ones(1, 3, 8), ones(1, 6, 8));
        x[0, 1, 2] = float.NaN;
        z[0, 5, 7] = float.NaN;
        var range = LevelRange.Signed(2);
        var y = QkrLogits.Of(new(x, ones(3), zeros(8), range), new(z, ones(6), zeros(16), range), 2, 1);
        Assert.True(y.isnan().equal(QkrLogits.Plain(x, z, 2, 1).isnan()).all().item<bool>());
    }

    /// <summary>A product of levels of 8 bits, stored with an offset and halved.</summary>
    internal static IReadOnlyList<Tensor> Product(int rows, int outer)
    {
        var layer = new Inputs(float32, 8, 8, isUnsigned: true, WeightQuantizer.StatsQ, 1, rows, 33, outer);
        return [layer.Product()];
    }

    internal static IReadOnlyList<Tensor> Logits(int batch, int tokens, int heads, int width, bool isPlain)
    {
        manual_seed(batch + tokens);
        var range = LevelRange.Signed(4);
        var x = Quantized(batch, tokens, 1);
        var z = Quantized(batch, tokens, heads);
        var type = isPlain ? float64 : float32;
        Tensor[] inputs = [x.Values.to(type).requires_grad_(), z.Values.to(type).requires_grad_()];
        var y = isPlain
            ? QkrLogits.Plain(inputs[0], inputs[1], heads, 0.3)
            : QkrLogits.Of(x with { Values = inputs[0] }, z with { Values = inputs[1] }, heads, 0.3);
        y.backward([ones_like(y)]);
        return [y.detach(), .. inputs.Select(input => input.grad!)];

        QuantizedActivations Quantized(int images, int positions, int parts)
        {
            var step = rand(positions * parts) + 0.1;
            var after = randn(parts * width);
            var levels = randint(range.Low, range.High + 1, [images, positions * parts, width]).to(float32);
            var values = (levels * step.unsqueeze(1)) + after.view(parts, width).repeat(positions, 1);
            return new(CudaOperations.Surrounded(values), step, after, range);
        }
    }

    /// <summary>A quantized layer's numbers.</summary>
    internal sealed class Inputs
    {
        private readonly Tensor x, dy, before, after, bias, step, w, weightStep;
        private readonly LevelRange range;
        private readonly int bits, batch;
        private readonly WeightQuantizer weights;

        public Inputs(
            ScalarType type, int bits, int activations, bool isUnsigned, WeightQuantizer weights, int tokens,
            int batch, int inner, int outer)
        {
            manual_seed(bits + (10 * activations));
            (this.bits, this.batch, this.weights) = (bits, batch, weights);
            range = isUnsigned ? LevelRange.Unsigned(activations) : LevelRange.Signed(activations);
            var size = isUnsigned ? 0.7 : 0;
            x = CudaOperations.Surrounded((randn(batch * tokens, inner) + size).to(type));
            dy = CudaOperations.Surrounded(randn(batch * tokens, outer).to(type));
            (before, after) = ((randn(inner) * 0.1).to(type), (randn(inner) * 0.1).to(type));
            (bias, step) = (randn(outer).to(type), ((rand(tokens) * 0.5) + 0.05).to(type));
            w = CudaOperations.Surrounded(randn(outer, inner).to(type));
            weightStep = ((rand(outer) * 0.5) + 0.1).to(type);
        }

        private ActivationLevels Q => ActivationLevels.Of(x, step, before, range);

        private WeightLevels P => Codes(w, weightStep);

        public Tensor Product() => IntegerProduct.Linear(Q, P, step, after, bias);

        public Tensor Expected()
        {
            var (input, weight) = Values();
            return input.mm(weight.t()) + bias.to(float64);
        }

        /// <summary>Of x̂ and Ŵ, from what a backward has.</summary>
        public IReadOnlyList<Tensor> Gradients()
        {
            var (q, p) = Kept();
            return [p.InputGradient(dy), q.WeightGradient(dy, step, after)];
        }

        public IReadOnlyList<Tensor> RoundedGradients()
        {
            var (q, p) = Kept();
            var (dx, dWeight, _) = Bfloat16Backward.Products(dy, q, p, step, after);
            return [dx, dWeight];
        }

        public IReadOnlyList<Tensor> ExpectedGradients()
        {
            var (input, weight) = Values();
            return [dy.to(float64).mm(weight), dy.to(float64).t().mm(input)];
        }

        private WeightLevels Codes(Tensor weight, Tensor steps) => weights == WeightQuantizer.StatsQ
            ? StatsQ.Codes(weight, bits)
            : Lsq.Codes(weight, steps, LevelRange.Signed(bits));

        private (ActivationLevels, WeightLevels) Kept() =>
            (new(Q.Stored, range.Offset), new(P.Stored, P.Scale, P.IsHalved));

        /// <summary>x̂ and ŵ in float64, from levels of the plain formulas.</summary>
        private (Tensor Input, Tensor Weight) Values()
        {
            var s = step.to(float64).repeat(batch).unsqueeze(1);
            var ratio = (x.to(float32) + before.to(float32)) / step.to(float32).repeat(batch).unsqueeze(1);
            var input = (ratio.clamp(range.Low, range.High).round().to(float64) * s) + after.to(float64);
            var p = Codes(w.to(float32), weightStep.to(float32));
            var levels = p.Stored.to(float64).mul(p.IsHalved ? 2 : 1).add(p.IsHalved ? 1 : 0);
            return (input, levels * p.Scale.to(float64).unsqueeze(1));
        }
    }
}
