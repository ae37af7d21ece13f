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
        foreach (var range in (
            LevelRange[])[LevelRange.Signed(1), LevelRange.Signed(2), LevelRange.Unsigned(4), LevelRange.Unsigned(8)])
        {
            foreach (var (steps, hasShift, isAligned) in (
                (int, bool, bool)[])[(1, false, true), (Math.Max(rows, 1), true, false)])
            {
                var results = Run(
                    "lsq_levels",
                    () => CudaOperations.Lsq(type, rows, columns, steps, range, hasShift, isAligned),
                    isLaunched: rows > 0);
                var (levels, rowSteps) = (results[0], results[1]);
                var (x, step, before) = CudaOperations.LsqInputs(type, rows, columns, steps, hasShift);
                var shifted = before is null ? x.to(float32) : x.to(float32) + before.to(float32);
                var ratio = shifted / step.to(float32).unsqueeze(1);
                var expected = range.IsSign ? ratio.sign() : ratio.clamp(range.Low, range.High).round();
                Assert.True((levels.to(float32) + range.Offset).equal(expected).all().item<bool>());
                Assert.True(rowSteps.equal(step.to(float32).expand(rows)).all().item<bool>());
            }
        }
    }

    [Theory]
    [MemberData(nameof(OddSizes))]
    public void LsqValues_AreThoseOfTheFormula_AndTheirGradients(ScalarType type, int rows, int columns)
    {
        foreach (var sharing in (
            ScaleGranularity[])[ScaleGranularity.Position, ScaleGranularity.Tensor, ScaleGranularity.Channel])
        {
            foreach (var (hasShift, bits) in ((bool, int)[])[(false, 3), (true, 3), (true, 1)])
            {
                var range = LevelRange.Signed(bits);
                var own = Run("lsq_gradients", () =>
                    CudaOperations.LsqValues(type, rows, columns, sharing, hasShift, range));
                Assert.Contains("lsq_values", KernelHost.Driver.Launched);
                Assert.All(own, result => Assert.Equal(type, result.dtype));
                var expected =
                    CudaOperations.LsqValues(type, rows, columns, sharing, hasShift, range, isPlain: true);
                AssertNear(own, expected, Tolerance(type));
            }
        }
    }

    [Fact]
    public void Lsq_SumsManyRowsOfEachPartOfAShift()
    {
        // Groups of 64 rows and strips of 256 columns, whole and not; shifts of 2 and of 1 part.
        var own = Run("lsq_gradients", () => Gradients(isPlain: false));
        AssertNear(own, Gradients(isPlain: true), 2e-5);

        static IReadOnlyList<Tensor> Gradients(bool isPlain) => CudaOperations.LsqValues(
            float32, 130, 300, ScaleGranularity.Channel, hasShift: true, LevelRange.Signed(3), isPlain);
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
    [InlineData(ScalarType.Float32, 0, 1)]
    [InlineData(ScalarType.BFloat16, 2, 6)]
    [InlineData(ScalarType.Float64, 2, 6)] // by the plain formula
    public void LsqLevels_OfNaN_MakeTheRowsStepNaN(ScalarType type, int row, int column)
    {
        using var cuda = KernelHost.Take();
        var x = randn(3, 7).to(type);
        x[row, column] = float.NaN;
        var rows = ActivationLevels.Of(x, ones(3).to(type), null, LevelRange.Signed(2)).RowSteps!;
        Assert.Equal(
            Enumerable.Range(0, 3).Select(i => i == row), rows.cpu().isnan().data<bool>());
        var steps = tensor([1, float.NaN, 1]).to(type);
        rows = ActivationLevels.Of(ones(3, 7).to(type), steps, null, LevelRange.Signed(2)).RowSteps!;
        Assert.Equal([false, true, false], rows.cpu().isnan().data<bool>());
    }
}
