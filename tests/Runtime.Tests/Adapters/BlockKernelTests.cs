using Marrow.CompilerServices;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Adapters;

/// <summary>Bone's row and column forms in float32 against the same operations in float64.</summary>
public class BlockKernelTests
{
    public static TheoryData<int, int, int, int> Sizes => new()
    {
        { 0, 32, 48, 16 },
        { 1, 16, 16, 16 },
        { 140, 24, 36, 12 },
        { 7, 32, 80, 16 },
        { 145, 96, 144, 48 },
        { 203, 128, 448, 64 },
        { 100, 1136, 1136, 1136 }, // a single block
        { 110, 1152, 1200, 48 }, // several groups of block rows, the last one short
    };

    [Theory, MemberData(nameof(Sizes))]
    public void RowForm_IsTheFormula(int n, int outFeatures, int inFeatures, int r)
    {
        using var scope = NewDisposeScope();
        manual_seed(n);
        var (weight, block) = (randn(outFeatures, inFeatures), randn(outFeatures / r, r, r));
        var (dy, x) = (randn(n, outFeatures), randn(n, inFeatures));
        Near(BlockAffine.Adapt(Exact(weight), Exact(block)), BlockAffine.Adapt(weight, block));
        Near(
            BlockAffine.BlockGradient(Exact(weight), Exact(block), Exact(dy), Exact(x)),
            BlockAffine.BlockGradient(weight, block, dy, x));

        var bias = randn(outFeatures);
        Near(BlockAffine.Linear(Exact(x), Exact(weight), Exact(block), Exact(bias)),
            BlockAffine.Linear(x, weight, block, bias));
        Near(BlockAffine.InputGradient(Exact(dy), Exact(weight), Exact(block)),
            BlockAffine.InputGradient(dy, weight, block));
    }

    [Fact]
    public void RowForm_OfZeros_IsTheWeight()
    {
        using var scope = NewDisposeScope();
        var weight = randn(64, 96);
        Assert.True(BlockAffine.Adapt(weight, zeros(4, 16, 16)).Equals(weight));
    }

    [Theory, MemberData(nameof(Sizes))]
    public void ColumnForm_IsTheFormula(int n, int outFeatures, int inFeatures, int r)
    {
        _ = outFeatures;
        using var scope = NewDisposeScope();
        manual_seed(n);
        var (x, block) = (randn(n, inFeatures), randn(inFeatures / r, r, r));
        var (exact, fused) = (ShardAffine.Apply(Exact(x), Exact(block)), ShardAffine.Apply(x, block));
        Near(exact.Turned, fused.Turned);
        Near(exact.Sum, fused.Sum);

        var (dx, g) = (randn(n, inFeatures), randn(n, r));
        var (exactDx, untouched) = (Exact(dx), dx.clone());
        var expected = ShardAffine.Backward(exactDx, Exact(g), Exact(x), Exact(block), needsInput: true);
        Near(expected, ShardAffine.Backward(dx, g, x, block, needsInput: false));
        Assert.True(dx.Equals(untouched));
        Near(expected, ShardAffine.Backward(dx, g, x, block, needsInput: true));
        Near(exactDx, dx);
    }

    [Fact]
    public void BlocksThatDoNotFit_AreRefused()
    {
        using var scope = NewDisposeScope();
        Assert.Contains("[3, 16, 16]",
            Assert.Throws<ArgumentException>(() => BlockAffine.Adapt(zeros(64, 32), zeros(3, 16, 16))).Message);
        Assert.Contains("[3, 16, 16]",
            Assert.Throws<ArgumentException>(() => ShardAffine.Apply(zeros(5, 64), zeros(3, 16, 16))).Message);
        Assert.Throws<ArgumentException>(() =>
            ShardAffine.Backward(zeros(5, 64), zeros(4, 16), zeros(5, 64), zeros(4, 16, 16), needsInput: true));
    }

    private static Tensor Exact(Tensor value) => value.to(float64);

    private static void Near(Tensor expected, Tensor actual)
    {
        Assert.Equal(float32, actual.dtype);
        Assert.Equal(expected.shape, actual.shape);
        if (actual.numel() > 0)
        {
            Assert.InRange((actual - expected).abs().max().item<double>(), 0,
                2e-6 * expected.abs().max().item<double>());
        }
    }
}
