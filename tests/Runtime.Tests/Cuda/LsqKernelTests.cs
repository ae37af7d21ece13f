using Marrow.CompilerServices;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Cuda;

/// <summary>LSQ's CUDA kernels against the formula.</summary>
[Trait("Gpu", "yes")]
public sealed class LsqKernelTests : KernelTest
{
    public static TheoryData<ScalarType, int, int> Sizes =>
        [.. OddSizes, (float32, 0, 8), (float16, 0, 8)];

    [Theory]
    [MemberData(nameof(Sizes))]
    public void LsqLevels_AreThoseOfTheFormula(ScalarType type, int rows, int columns)
    {
        foreach (var range in (LevelRange[])[LevelRange.Signed(2), LevelRange.Unsigned(4), LevelRange.Unsigned(8)])
        {
            foreach (var (steps, hasShift, isAligned) in (
                (int, bool, bool)[])[(1, false, true), (Math.Max(rows, 1), true, false)])
            {
                var levels = Run(
                    "lsq_levels",
                    () => CudaOperations.Lsq(type, rows, columns, steps, range, hasShift, isAligned),
                    isLaunched: rows > 0)[0];
                var (x, step, before) = CudaOperations.LsqInputs(type, rows, columns, steps, hasShift);
                var shifted = before is null ? x.to(float32) : x.to(float32) + before.to(float32);
                var expected = (shifted / step.to(float32).unsqueeze(1)).clamp(range.Low, range.High).round();
                Assert.True((levels.to(float32) + range.Offset).equal(expected).all().item<bool>());
            }
        }
    }

    [Theory]
    [MemberData(nameof(OddSizes))]
    public void LsqValues_AreThoseOfTheFormula_AndTheirGradients(ScalarType type, int rows, int columns)
    {
        foreach (var sharing in (ScaleGranularity[])[ScaleGranularity.Position, ScaleGranularity.Tensor])
        {
            foreach (var hasShift in (bool[])[false, true])
            {
                var own = Run("lsq_gradients", () => CudaOperations.LsqValues(type, rows, columns, sharing, hasShift));
                Assert.Contains("lsq_values", KernelHost.Driver.Launched);
                Assert.All(own, result => Assert.Equal(type, result.dtype));
                var expected = CudaOperations.LsqValues(type, rows, columns, sharing, hasShift, isPlain: true);
                AssertNear(own, expected, Tolerance(type));
            }
        }
    }

    [Fact]
    public void LsqValues_OfNaN_AreNaN()
    {
        using var cuda = KernelHost.Take();
        var y = Lsq.Quantize(
            tensor([float.NaN, 1f, float.PositiveInfinity]).view(1, 3), ones(1), LevelRange.Signed(3),
            ScaleGranularity.Row);
        Assert.Equal([float.NaN, 1f, 3f], y.cpu().data<float>().ToArray());
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(2, 6)]
    public void LsqLevels_OfNaN_AreAnError(int row, int column)
    {
        using var cuda = KernelHost.Take();
        var x = randn(3, 7);
        x[row, column] = float.NaN;
        Assert.Throws<ArithmeticException>(() =>
            ActivationLevels.Of(x, ones(3), null, LevelRange.Signed(2)));
        Assert.Throws<ArithmeticException>(() =>
            ActivationLevels.Of(ones(3, 7), tensor([1, float.NaN, 1]), null, LevelRange.Signed(2)));
    }
}
