using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Cuda;

/// <summary>AdamW's CUDA kernel, over many parameters at once, against the step of each by operations.</summary>
[Trait("Gpu", "yes")]
public sealed class AdamWKernelTests : KernelTest
{
    // Sizes of less than a pack, of several thread blocks, and none.
    private static readonly long[][] Shapes = [[3], [40, 33], [0], [2, 16400], [8], [64, 64], [1]];

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.BFloat16)]
    [InlineData(ScalarType.Float16)]
    public void ManyParameters_MoveAsOneByOne(ScalarType type)
    {
        var own = Run("adamw", () => Steps(type));
        Assert.Single(KernelHost.Driver.Launched, "adamw");
        var expected = Steps(type);
        Assert.Equal(expected.Count, own.Count);
        foreach (var (one, other) in own.Zip(expected))
        {
            Assert.Equal(other.dtype, one.dtype);
            // A weight of 16 bits is a rounding, which the last digit of a master may decide.
            var tolerance = one.dtype == float32 ? 1e-6 : type == bfloat16 ? 8e-3 : 1e-3;
            Assert.True(one.to(float32).allclose(other.to(float32), tolerance, 1e-7));
        }
    }

    [Fact]
    public void TypesApart_AreLaunchesOfTheirOwn()
    {
        var own = Run("adamw", () => Steps(float32, bfloat16));
        Assert.Equal(["adamw", "adamw"], KernelHost.Driver.Launched);
        Assert.Equal(7 * Shapes.Length, own.Count); // parameter, mean and square, and a master in 16 bits
    }

    [Fact]
    public void AViewAmongStrides_MovesByOperations()
    {
        var value = new Parameter(randn(6, 5).t());
        value.sum().backward();
        using var optimizer = new FusedAdamW([new("view", value)]);
        using var cuda = KernelHost.Take();
        optimizer.Step(0.1);
        Assert.Empty(KernelHost.Driver.Launched);
    }

    /// <summary>
    /// Parameters and state after a step, a change by somebody else, and another step that leaves entries alone.
    /// </summary>
    private static IReadOnlyList<Tensor> Steps(params ScalarType[] types)
    {
        manual_seed(5);
        var parameters = (from type in types
                          from pair in Shapes.Index()
                          select new TrainedParameter(
                              $"{type}.{pair.Index}", new Parameter(randn(pair.Item).to(type)), pair.Index % 2 == 0,
                              pair.Index + 1)).ToList();
        using var optimizer = new FusedAdamW(parameters, weightDecay: 0.1);
        Follow(null);
        using (no_grad())
        {
            parameters[1].Value[3, 5] = 7;
        }

        Follow(parameters.Where((_, i) => i % 3 == 0).ToDictionary(
            parameter => parameter.Value, parameter => parameter.Value.detach() > 0));
        return [.. parameters.Select(parameter => parameter.Value.detach()),
            .. optimizer.State.OrderBy(pair => pair.Name).Select(pair => pair.Value.clone())];

        void Follow(IReadOnlyDictionary<Parameter, Tensor>? frozen)
        {
            KernelHost.Driver.Launched.Clear();
            optimizer.ZeroGradients();
            foreach (var parameter in parameters)
            {
                (parameter.Value * randn(parameter.Value.shape).to(parameter.Value.dtype)).sum().backward();
            }

            optimizer.Step(1e-2, frozen);
        }
    }
}
