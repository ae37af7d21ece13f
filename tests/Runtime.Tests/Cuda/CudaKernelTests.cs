using Marrow.CompilerServices;
using Marrow.Cuda;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Cuda;

/// <summary>
/// The product's CUDA kernels, dispatched by the product over the emulator, against plain operations. Each runs in
/// three orders of its threads, which must give the same bits.
/// </summary>
public sealed class CudaKernelTests : IDisposable
{
    private static readonly EmulatedDriver Driver = new();

    private readonly TorchSharp.DisposeScope scope = NewDisposeScope();

    public CudaKernelTests() => EmulatedDriver.Require();

    public static TheoryData<ScalarType, int, int> SizesOfWeights =>
        new(from type in (ScalarType[])[float32, bfloat16]
            from size in ((int, int)[])[(1, 1), (3, 7), (8, 8), (5, 33), (12, 64), (67, 131), (20, 520)]
            select (type, size.Item1, size.Item2));

    public static TheoryData<ScalarType, int, int> Sizes =>
        [.. SizesOfWeights, (float32, 0, 8), (bfloat16, 0, 8)];

    public void Dispose() => scope.Dispose();

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
                    rows > 0,
                    () => CudaOperations.Lsq(type, rows, columns, steps, range, hasShift, isAligned))[0];
                var (x, step, before) = CudaOperations.LsqInputs(type, rows, columns, steps, hasShift);
                var shifted = before is null ? x.to(float32) : x.to(float32) + before.to(float32);
                var expected = (shifted / step.to(float32).unsqueeze(1)).clamp(range.Low, range.High).round();
                Assert.True((levels.to(float32) + range.Offset).equal(expected).all().item<bool>());
            }
        }
    }

    [Theory]
    [MemberData(nameof(SizesOfWeights))]
    public void LsqValues_AreThoseOfTheFormula_AndTheirGradients(ScalarType type, int rows, int columns)
    {
        foreach (var sharing in (ScaleGranularity[])[ScaleGranularity.Position, ScaleGranularity.Tensor])
        {
            foreach (var hasShift in (bool[])[false, true])
            {
                var own = Run(
                    "lsq_gradients",
                    true,
                    () => CudaOperations.LsqValues(type, rows, columns, sharing, hasShift));
                Assert.Contains("lsq_values", Driver.Launched);
                Assert.All(own, result => Assert.Equal(type, result.dtype));
                var expected = CudaOperations.LsqValues(type, rows, columns, sharing, hasShift, isPlain: true);
                AssertNear(own, expected, type == float32 ? 2e-5 : 2e-2);
            }
        }
    }

    [Fact]
    public void LsqValues_OfNaN_AreNaN()
    {
        using var cuda = CudaKernels.OnTheCpu(Driver);
        var y = Lsq.Quantize(
            tensor([float.NaN, 1f, float.PositiveInfinity]).view(1, 3), ones(1), LevelRange.Signed(3),
            ScaleGranularity.Row);
        Assert.Equal([float.NaN, 1f, 3f], y.data<float>().ToArray());
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(2, 6)]
    public void LsqLevels_OfNaN_AreAnError(int row, int column)
    {
        using var cuda = CudaKernels.OnTheCpu(Driver);
        var x = randn(3, 7);
        x[row, column] = float.NaN;
        Assert.Throws<ArithmeticException>(() =>
            ActivationLevels.Of(x, ones(3), null, LevelRange.Signed(2)));
        Assert.Throws<ArithmeticException>(() =>
            ActivationLevels.Of(ones(3, 7), tensor([1, float.NaN, 1]), null, LevelRange.Signed(2)));
    }

    [Theory]
    [MemberData(nameof(SizesOfWeights))]
    public void StatsQ_GivesCodesAndValuesOfTheFormula(ScalarType type, int rows, int columns)
    {
        foreach (var bits in (int[])[2, 5, 8])
        {
            var w = CudaOperations.Surrounded(CudaOperations.Weight(type, rows, columns));
            var (u, scale, values) = StatsQ.Levels(w, bits);
            var codes = Run("statsq_levels", true, () => CudaOperations.StatsQCodes(w, bits));
            var expected = bits == 8 ? u : (u * 2) + 1;
            Assert.True(codes[0].to(float32).equal(expected).all().item<bool>());
            Assert.True((codes[1] * (1 << bits)).allclose(scale, 2e-6, 0));
            var own = Run("statsq_values", true, () => [StatsQ.Quantize(w, bits)])[0];
            Assert.Equal(type, own.dtype);
            Assert.True(own.to(float32).allclose(values.to(float32), type == float32 ? 2e-6 : 8e-3, 0));
        }
    }

    [Fact]
    public void StatsQ_OfABatch_HasAScaleForEachPosition()
    {
        var x = CudaOperations.Weight(float32, 3, 5, 33);
        var values = Run("statsq_values", true, () => [StatsQ.Quantize(x, 4)])[0];
        Assert.True(values.allclose(StatsQ.Plain(x, 4), 2e-6, 0));
    }

    // Tokens below, at and above a group's and a segment's, and heads of a part of a warp and of several.
    [Theory]
    [InlineData(1, 1, 2, 16, false)]
    [InlineData(2, 6, 3, 16, true)]
    [InlineData(1, 32, 1, 64, true)]
    [InlineData(1, 33, 2, 48, false)]
    [InlineData(2, 71, 2, 64, true)]
    public void Wkv6_GivesThePlainRecurrence_AndItsGradients(int batch, int tokens, int heads, int size, bool hasState)
    {
        var own = Run(
            "wkv6_backward_keys",
            true,
            () => CudaOperations.Wkv6(batch, tokens, heads, size, float32, hasState));
        Assert.Contains("wkv6_forward", Driver.Launched);
        Assert.Contains("wkv6_backward_values", Driver.Launched);
        AssertNear(own, CudaOperations.Wkv6(batch, tokens, heads, size, float32, hasState, isPlain: true), 2e-5);
    }

    [Fact]
    public void Wkv6_OfBfloat16_ComputesInFloat32()
    {
        var own = Run("wkv6_backward_keys", true, () => CudaOperations.Wkv6(1, 9, 2, 16, bfloat16, hasState: true));
        Assert.Equal(bfloat16, own[0].dtype);
        Assert.Equal(float32, own[1].dtype);
        // The CPU's kernels over the same numbers.
        AssertNear(own, CudaOperations.Wkv6(1, 9, 2, 16, bfloat16, hasState: true), 8e-3);
    }

    [Theory]
    [InlineData(ScalarType.Float32, 12)]
    [InlineData(ScalarType.Float32, 80)]
    [InlineData(ScalarType.Float64, 16)]
    public void Wkv6_OfOtherTypesAndSizes_TakesNoCudaKernel(ScalarType type, int size)
    {
        using var cuda = CudaKernels.OnTheCpu(Driver);
        Driver.Launched.Clear();
        CudaOperations.Wkv6(1, 3, 1, size, type, hasState: false);
        Assert.Empty(Driver.Launched);
    }

    [Fact]
    public void AGridThatCudaDoesNotHave_IsNamed()
    {
        using var cuda = CudaKernels.OnTheCpu(Driver);
        var kernels = CudaLsq.For(ones(1, 1))!;
        Assert.Contains("lsq_levels would need 2147483648 blocks", Assert.Throws<CudaException>(() =>
            kernels.Launch("lsq_levels", 1L << 31, 32)).Message);
    }

    [Fact]
    public void TensorsOfTwoDevices_AreNamed()
    {
        using var cuda = CudaKernels.OnTheCpu(Driver);
        var kernels = CudaLsq.For(ones(1, 1))!;
        var other = new CudaArgument(0, (TorchSharp.DeviceType.CUDA, 1));
        Assert.Contains("it is given those of the CPU and CUDA:1", Assert.Throws<CudaException>(() =>
            kernels.Launch("lsq_levels", 1, 32, ones(1, 1), 5, other)).Message);
    }

    [Fact]
    public void ATextThatDoesNotCompile_IsSaidOnce_AndPlainOperationsGoOn()
    {
        using var cuda = CudaKernels.OnTheCpu(new EmulatedDriver(_ => "#error broken"));
        var (error, said) = (Console.Error, new StringWriter());
        Console.SetError(said);
        try
        {
            var x = randn(3, 7);
            var levels = ActivationLevels.Of(x, ones(3), null, LevelRange.Signed(2)).Stored;
            ActivationLevels.Of(x, ones(3), null, LevelRange.Signed(2));
            Assert.True(levels.equal(x.clamp(-2, 1).round().to(int8)).all().item<bool>());
        }
        finally
        {
            Console.SetError(error);
        }

        var start = "Marrow: plain operations take the place of CUDA kernels: g++ does not compile lsq (ENTRY=float)";
        Assert.StartsWith(start, said.ToString());
        Assert.Equal(said.ToString().IndexOf(start), said.ToString().LastIndexOf(start));
    }

    /// <summary>The results, which are the same bits in three orders.</summary>
    private static IReadOnlyList<Tensor> Run(string function, bool isLaunched, Func<IReadOnlyList<Tensor>> operation)
    {
        using var cuda = CudaKernels.OnTheCpu(Driver);
        var results = new List<IReadOnlyList<Tensor>>();
        for (var order = 1u; order <= 3; order++)
        {
            Driver.Order = order;
            Driver.Launched.Clear();
            results.Add(operation());
            Assert.Equal(isLaunched, Driver.Launched.Contains(function));
        }

        Assert.All(results.Skip(1), other => Assert.All(other.Zip(results[0]), pair =>
            Assert.True(pair.First.equal(pair.Second).all().item<bool>())));
        return results[0];
    }

    private static void AssertNear(IReadOnlyList<Tensor> actual, IReadOnlyList<Tensor> expected, double tolerance)
    {
        Assert.Equal(expected.Count, actual.Count);
        for (var i = 0; i < actual.Count; i++)
        {
            var largest = Math.Max(1, expected[i].abs().max().to(float64).item<double>());
            var difference = (actual[i].to(float64) - expected[i].to(float64)).abs().max().item<double>();
            Assert.True(difference <= tolerance * largest, $"result {i}: {difference} of {largest}");
        }
    }
}
