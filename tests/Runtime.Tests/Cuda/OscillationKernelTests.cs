using Marrow.Quantization.Oscillations;
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
