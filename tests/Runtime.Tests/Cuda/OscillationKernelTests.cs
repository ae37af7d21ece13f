using Marrow.CompilerServices;
using Marrow.Cuda;
using Marrow.Quantization.Oscillations;
using Marrow.Tests.Quantization;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Cuda;

/// <summary>The oscillation kernel against the same statistics by torch's operations.</summary>
[Trait("Gpu", "yes")]
public sealed class OscillationKernelTests : KernelTest
{
    [Theory]
    [InlineData(1, true, true)]
    [InlineData(33, true, false)]
    [InlineData(2048, false, true)]
    [InlineData(5000, true, true)]
    [InlineData(4104, true, false)]
    public void Update_GivesTheStateOfTheFormula(int count, bool freezes, bool atAverage)
    {
        var own = Run("oscillation_update", () => States(count, freezes, atAverage));
        AssertNear(own, States(count, freezes, atAverage), 0);
    }

    [Theory]
    [MemberData(nameof(OddSizes))]
    public void Confident_IsWhatTheRuleSays(ScalarType type, int rows, int columns)
    {
        foreach (var (bits, range) in ((int, double)[])[(2, 0.05), (4, 0.25), (8, 0.4)])
        {
            var w = CudaOperations.Surrounded(CudaOperations.Weight(type, rows, columns));
            var own = Run("statsq_confident", () =>
                [CudaStatsQ.Confident(CudaStatsQ.For(w)!, w, bits, range)])[0];
            // Which lies at the end of the range, a rounding decides.
            var position = StatsQ.GridPosition(w, bits);
            var expected = Cga.Confident(position, range);
            var isAtEnd = ((position - position.floor() - 0.5).abs() - range).abs() < 1e-4;
            Assert.True((own.eq(expected) | isAtEnd).all().item<bool>());
        }
    }

    [Fact]
    public void Annealing_TakesTheKernel()
    {
        using var model = new Bfloat16Linear();
        Run("statsq_confident", () =>
        {
            using var annealing = new Annealing(model);
            annealing.BeforeStep();
            return [.. annealing.Frozen.Values.Select(mask => mask.clone())];
        });
    }

    /// <summary>The state after a few updates, and how many levels each of them changed.</summary>
    internal static IReadOnlyList<Tensor> States(int count, bool freezes, bool atAverage)
    {
        manual_seed(count);
        using var state = new OscillationState(Levels(), momentum: 0.25, freezesAtAverage: atAverage);
        var changed = Enumerable.Range(0, 5).Select(_ => state.Update(Levels(), freezes ? 0.4 : 0)).ToList();
        return [.. changed, .. state.Tensors.Select(tensor => tensor.Value.to(float32, copy: true))];

        Tensor Levels() => randint(-128, 128, [count]).to(int8);
    }
}
