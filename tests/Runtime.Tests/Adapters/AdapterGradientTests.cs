using Marrow.Autograd;
using Marrow.CompilerServices;
using Marrow.Tests.Autograd;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Adapters;

public class AdapterGradientTests
{
    public static TheoryData<string> Names => [.. Forms.All.Keys];

    [Theory, MemberData(nameof(Names))]
    public void Gradients_AgreeWithDifferences(string form)
    {
        using var layer = Forms.Create(form, ScalarType.Float64);
        using var x = randn(2, 3, layer.InFeatures, dtype: float64, requires_grad: true);
        GradCheck.Run(Call, [("x", x), .. Differentiable(layer)]);

        // The same mask at every call.
        Tensor Call()
        {
            manual_seed(5);
            return layer.call(x);
        }
    }

    [Theory, MemberData(nameof(Names))]
    public void Gradients_OfTheParametersAlone_AgreeWithDifferences(string form)
    {
        using var layer = Forms.Create(form, ScalarType.Float64);
        using var x = randn(4, layer.InFeatures, dtype: float64);
        GradCheck.Run(Call, Differentiable(layer));
        Assert.Null(x.grad);

        Tensor Call()
        {
            manual_seed(5);
            return layer.call(x);
        }
    }

    // Relative to the largest entry. float32: sums of about ten terms in another order. bfloat16: W′ is rounded to 8
    // bits in both ways, once before and once after B is added.
    [Theory]
    [InlineData(ScalarType.Float64, 1e-13)]
    [InlineData(ScalarType.Float32, 2e-6)]
    [InlineData(ScalarType.BFloat16, 3e-2)]
    public void Fused_AgreesWithThePlainFormula(ScalarType type, double tolerance)
    {
        foreach (var form in Forms.All.Keys)
        {
            using var scope = NewDisposeScope();
            using var layer = Forms.Create(form, type);
            layer.eval();
            var (x, dy) = (randn(5, layer.InFeatures, dtype: type), randn(5, layer.OutFeatures, dtype: type));
            var fused = Results(layer, x, dy);
            using var eager = new EagerMode();
            foreach (var ((name, value), (_, plain)) in fused.Zip(Results(layer, x, dy)))
            {
                var error = (value - plain).abs().max().to(float64).item<double>();
                var largest = plain.abs().max().to(float64).item<double>();
                Assert.True(error <= tolerance * largest,
                    $"{form}, {name}: differs by {error}, largest entry {largest}");
            }
        }
    }

    public static TheoryData<string> WideNames => [.. Forms.Wide.Keys];

    [Theory, MemberData(nameof(WideNames))]
    public void Kernels_AgreeWithThePlainFormula(string form)
    {
        using var scope = NewDisposeScope();
        using var layer = Forms.CreateWide(form);
        var (x, dy) = (randn(700, layer.InFeatures), randn(700, layer.OutFeatures));
        var fused = Results(layer, x, dy);
        using var eager = new EagerMode();
        foreach (var ((name, value), (_, plain)) in fused.Zip(Results(layer, x, dy)))
        {
            var (error, largest) = ((value - plain).abs().max().item<float>(), plain.abs().max().item<float>());
            Assert.True(error <= 5e-6 * largest, $"{name}: differs by {error}, largest entry {largest}");
        }
    }

    [Theory, MemberData(nameof(Names)), MemberData(nameof(WideNames))]
    public void NoRows_GiveAnEmptyOutputAndZeroGradients(string form)
    {
        using var layer = Forms.Wide.ContainsKey(form)
            ? Forms.CreateWide(form)
            : Forms.Create(form, ScalarType.Float32);
        using var x = randn(0, 3, layer.InFeatures, requires_grad: true);
        using var y = layer.call(x);
        Assert.Equal([0, 3, layer.OutFeatures], y.shape);
        y.sum().backward();
        Assert.All(Parameters(layer), parameter => Assert.Equal(0, parameter.Item2.grad!.abs().sum().item<float>()));
        Assert.Equal(x.shape, x.grad!.shape);
    }

    [Theory, MemberData(nameof(Names))]
    public void InputThatIsNotContiguous_GivesTheSame(string form)
    {
        using var layer = Forms.Create(form, ScalarType.Float64);
        layer.eval();
        using var wide = randn(layer.InFeatures, 6, dtype: float64);
        using var expected = layer.call(wide.t().contiguous());
        using var actual = layer.call(wide.t());
        Assert.Equal(0, (expected - actual).abs().max().item<double>());
    }

    /// <summary>
    /// DoRA counts its rows' lengths as constants, so what A and B get is no derivative; that it is the formula's, the
    /// comparison with autograd on it in float64 shows.
    /// </summary>
    private static (string, Tensor)[] Differentiable(AdaptedLinear layer) =>
        [.. Parameters(layer).Where(pair =>
            layer.Settings is not DoraSettings || pair.Item1 == "lora_magnitude_vector")];

    private static (string, Tensor)[] Parameters(AdaptedLinear layer) =>
        [.. layer.Adapter.Select(pair => (pair.Name, (Tensor)pair.Value))];

    private static List<(string Name, Tensor Value)> Results(AdaptedLinear layer, Tensor input, Tensor dy)
    {
        var x = input.detach().clone().requires_grad_();
        layer.zero_grad();
        var y = layer.call(x);
        y.backward([dy]);
        return [("y", y.detach()), ("x", x.grad!),
            .. Parameters(layer).Select(pair => (pair.Item1, pair.Item2.grad!.clone()))];
    }
}
