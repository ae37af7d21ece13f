using Marrow.CompilerServices;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Cuda;

/// <summary>Bone's CUDA kernels against the formulas in float64.</summary>
[Trait("Gpu", "yes")]
public sealed class BoneKernelTests : KernelTest
{
    // Edges with and without pairs of products, rows of few shards and of more than one thread block's.
    public static TheoryData<ScalarType, int, int, int> Sizes =>
        new(from type in (ScalarType[])[bfloat16, float16]
            from size in ((int, int, int)[])
                [(16, 1, 1), (32, 3, 2), (48, 2, 3), (64, 2, 9), (64, 1, 35), (96, 1, 2), (128, 2, 2)]
            select (type, size.Item1, size.Item2, size.Item3));

    [Theory]
    [MemberData(nameof(Sizes))]
    public void TheAdaptedWeight_IsRoundedOnce(ScalarType type, int edge, int rows, int shards)
    {
        var (weight, block) = Inputs(type, edge, rows, shards);
        var own = Run("bone_adapt", () => [BlockAffine.Adapt(weight, block)])[0];
        Assert.Equal(type, own.dtype);
        var exact = BlockAffine.Adapt(weight.to(float64), block.to(float64));
        var rounding = exact.abs() * (type == bfloat16 ? 1.0 / 256 : 1.0 / 2048) / 2 * 1.01;
        Assert.True(((own.to(float64) - exact).abs() <= rounding * 2 + 1e-6).all().cpu().item<bool>());
        // Half a unit in the last place, but where float32 sums lie at the border of two.
        Assert.True(((own.to(float64) - exact.to(type).to(float64)).abs() > rounding * 1e-3).sum().cpu().item<long>()
            <= 2 + (exact.numel() / 500));
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void TheBlocksGradient_IsSummedInFloat32(ScalarType type, int edge, int rows, int shards)
    {
        var (weight, block) = Inputs(type, edge, rows, shards);
        var (dy, x) = (randn(5, edge * rows).to(type), randn(5, edge * shards).to(type));
        var own = Run("bone_gradient", () => [BlockAffine.BlockGradient(weight, block, dy, x)])[0];
        Assert.Equal(float32, own.dtype);
        var g = dy.t().mm(x).to(float64); // as rounded as the kernel has it
        var (w, ofRows) = (weight.to(float64).view(rows, -1, edge), g.view(rows, -1, edge));
        var exact = w.transpose(1, 2).bmm(ofRows) + g.view(rows, edge, shards, edge).sum([2]);
        AssertNear([own], [exact], 1e-6 * Math.Sqrt(edge * shards));
    }

    [Theory]
    [InlineData(ScalarType.Float32, 64)]
    [InlineData(ScalarType.BFloat16, 24)]
    [InlineData(ScalarType.BFloat16, 112)]
    public void OtherTypesAndEdges_TakeThePlainFormula(ScalarType type, int edge)
    {
        var (weight, block) = Inputs(type, edge, 2, 2);
        var own = Run("bone_adapt", () => [BlockAffine.Adapt(weight, block)], isLaunched: false)[0];
        AssertNear([own], [BlockAffine.Adapt(weight.to(float64), block.to(float64))], Tolerance(type));
    }

    [Fact]
    public void AWeightThatDoesNotBeginAt16Bytes_TakesThePlainFormula()
    {
        var (weight, block) = Inputs(bfloat16, 16, 2, 2);
        Run("bone_adapt", () => [BlockAffine.Adapt(CudaOperations.Surrounded(weight), block)], isLaunched: false);
    }

    [Fact]
    public void TheColumnForm_InWholeProducts_IsTheFormula()
    {
        var (x, block, dx, g) = (randn(5, 48), randn(3, 16, 16), randn(5, 48), randn(5, 16));
        var expected = Column();
        AssertNear(Run("bone_adapt", Column, isLaunched: false), expected, 2e-6);

        IReadOnlyList<Tensor> Column()
        {
            var (turned, sum) = ShardAffine.Apply(x, block);
            var input = dx.clone();
            return [turned, sum, ShardAffine.Backward(input, g, x, block, needsInput: true), input];
        }
    }

    /// <summary>W and B between NaN, at addresses of 16 bytes; B is small, as it is trained.</summary>
    private static (Tensor Weight, Tensor Block) Inputs(ScalarType type, int edge, int rows, int shards)
    {
        manual_seed(edge);
        return (Between(randn(rows * edge, shards * edge).to(type)), Between((randn(rows, edge, edge) * 0.1).to(type)));
    }

    private static Tensor Between(Tensor x)
    {
        var place = full(x.numel() + 512, double.NaN, dtype: x.dtype);
        return place.narrow(0, 256, x.numel()).view(x.shape).copy_(x);
    }
}
