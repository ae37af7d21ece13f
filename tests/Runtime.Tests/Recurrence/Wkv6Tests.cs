using Marrow.Tests.Autograd;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Recurrence;

public sealed class Wkv6Tests : IDisposable
{
    private readonly TorchSharp.DisposeScope scope = NewDisposeScope();

    public void Dispose() => scope.Dispose();

    // Tokens below, at and above a segment's, and heads of one and more vectors.
    [Theory]
    [InlineData(1, 1, 2, 16, ScalarType.Float32)]
    [InlineData(2, 9, 4, 16, ScalarType.Float32)]
    [InlineData(1, 32, 1, 64, ScalarType.Float32)]
    [InlineData(2, 71, 3, 64, ScalarType.Float32)]
    [InlineData(2, 33, 2, 48, ScalarType.Float64)]
    public void Kernel_GivesThePlainRecurrence_AndItsGradients(
        int batch, int tokens, int heads, int size, ScalarType type)
    {
        var inputs = Inputs(batch, tokens, heads, size, type);
        var (dy, ds) = (randn(batch, tokens, heads * size, dtype: type), randn(batch, heads, size, size, dtype: type));
        var tolerance = type == float32 ? 2e-5 : 1e-12;
        var results = new[] { Results(Wkv6.Run), Results(Wkv6.Plain) };
        foreach (var (name, value, other) in results[0].Zip(results[1], (one, two) => (one.Name, one.Value, two.Value)))
        {
            var largest = other.abs().max().to(float64).item<double>();
            Assert.True((value - other).abs().max().to(float64).item<double>() <= tolerance * Math.Max(1, largest),
                name);
        }

        List<(string Name, Tensor Value)> Results(
            Func<Tensor, Tensor, Tensor, Tensor, Tensor, Tensor?, (Tensor, Tensor)> run)
        {
            var own = inputs.Select(input => input.detach().clone().requires_grad_()).ToArray();
            var (y, state) = run(own[0], own[1], own[2], own[3], own[4], own[5]);
            ((y * dy).sum() + (state * ds).sum()).backward();
            return [("y", y.detach()), ("state", state.detach()),
                .. own.Select((input, i) => ($"gradient {i}", input.grad!))];
        }
    }

    [Fact]
    public void Gradients_AgreeWithDifferences()
    {
        var inputs = Inputs(1, 3, 1, 16, float64).Select(input => input.requires_grad_()).ToArray();
        GradCheck.Run(
            () =>
            {
                var (y, state) = Wkv6.Run(inputs[0], inputs[1], inputs[2], inputs[3], inputs[4], inputs[5]);
                return cat([y.flatten(), state.flatten()]);
            },
            [.. inputs.Select((input, i) => ($"input {i}", input))]);
    }

    [Fact]
    public void Chunks_WithTheStateHandedOn_GiveTheWhole_AndItsGradients()
    {
        var inputs = Inputs(2, 40, 2, 16, float64);
        var whole = Gradients(own => Wkv6.Run(own[0], own[1], own[2], own[3], own[4]).Output);
        var chunks = Gradients(own =>
        {
            var (first, state) = Wkv6.Run(
                Part(own[0], 0, 33), Part(own[1], 0, 33), Part(own[2], 0, 33), Part(own[3], 0, 33), own[4]);
            var (second, _) = Wkv6.Run(
                Part(own[0], 33, 7), Part(own[1], 33, 7), Part(own[2], 33, 7), Part(own[3], 33, 7), own[4], state);
            return cat([first, second], 1);
        });
        Assert.All(whole.Zip(chunks), pair => Assert.True(pair.First.allclose(pair.Second, 1e-10, 1e-12)));

        static Tensor Part(Tensor x, long first, long count) => x.narrow(1, first, count);

        List<Tensor> Gradients(Func<Tensor[], Tensor> run)
        {
            var own = inputs.Select(input => input.detach().clone().requires_grad_()).ToArray();
            var y = run(own);
            y.square().sum().backward();
            return [y.detach(), .. own[..5].Select(input => input.grad!)];
        }
    }

    [Fact]
    public void OtherTypesAndSizes_RunAsTorchOperations()
    {
        var inputs = Inputs(1, 5, 2, 12, float32);
        var (y, _) = Wkv6.Run(inputs[0], inputs[1], inputs[2], inputs[3], inputs[4]);
        Assert.True(y.allclose(Wkv6.Plain(inputs[0], inputs[1], inputs[2], inputs[3], inputs[4]).Output));
        var halves = Inputs(1, 5, 2, 16, bfloat16);
        Assert.Equal(bfloat16, Wkv6.Run(halves[0], halves[1], halves[2], halves[3], halves[4], halves[5]).Output.dtype);
    }

    [Fact]
    public void WrongShapes_AreNamed()
    {
        var inputs = Inputs(1, 5, 2, 16, float32);
        Assert.Contains("[batch, tokens, 2 · 16]", Assert.Throws<ArgumentException>(() =>
            Wkv6.Run(inputs[0], inputs[1], inputs[2].narrow(1, 0, 4), inputs[3], inputs[4])).Message);
        Assert.Contains("want [1, 2, 16, 16]", Assert.Throws<ArgumentException>(() =>
            Wkv6.Run(inputs[0], inputs[1], inputs[2], inputs[3], inputs[4], zeros(2, 2, 16, 16))).Message);
    }

    /// <summary>r, k, v, decay, bonus, state.</summary>
    private static Tensor[] Inputs(int batch, int tokens, int heads, int size, ScalarType type)
    {
        manual_seed(6);
        var width = heads * size;
        return
        [
            randn(batch, tokens, width, dtype: type), randn(batch, tokens, width, dtype: type),
                randn(batch, tokens, width, dtype: type),
            rand(batch, tokens, width, dtype: type), randn(heads, size, dtype: type),
                randn(batch, heads, size, size, dtype: type),
        ];
    }
}
