using Marrow.Adapters;
using Marrow.Autograd;
using Marrow.Kernels;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Kernels;

/// <summary>The panel products against float64. They need AVX2; whether they are the fastest does not matter here.</summary>
public class PanelProductTests
{
    // Rows, steps, columns: no whole tile; tiles and rests; several blocks of steps; either side the smaller one; more columns than are laid out at once.
    public static TheoryData<int, int, int> Sizes => new()
    {
        { 0, 3, 20 },
        { 20, 0, 33 },
        { 33, 0, 20 },
        { 4, 5, 0 },
        { 1, 1, 1 },
        { 5, 7, 3 },
        { 6, 4, 16 },
        { 100, 37, 55 },
        { 97, 1100, 48 },
        { 13, 1089, 2000 },
        { 96, 1089, 2000 },
        { 300, 8, 33 },
        { 36, 1100, 1030 },
        { 95, 20, 16 },
        { 700, 2170, 720 },
    };

    [Theory, MemberData(nameof(Sizes))]
    public void Product_IsTheProduct_OfRowsAndColumnsAlike(int rows, int steps, int columns)
    {
        Assert.SkipUnless(HasAvx2, "the processor has no AVX2");
        using var scope = NewDisposeScope();
        manual_seed(rows);
        Tensor[] lefts = [randn(rows, steps), randn(steps, rows).t(), randn(rows, steps + 3).narrow(1, 2, steps)];
        Tensor[] rights = [randn(steps, columns), randn(columns, steps).t(), randn(steps, columns + 5).narrow(1, 1, columns)];
        foreach (var a in lefts)
        {
            foreach (var b in rights)
            {
                var y = full(rows, columns, float.NaN);
                PanelProduct.Multiply(default(FloatTile), FloatOperand.Rows(a), FloatOperand.Columns(b), default(NoStart), y, steps);
                Near(a.to(float64).mm(b.to(float64)), y);
            }
        }
    }

    [Fact]
    public void Product_InAPartOfAMatrix_LeavesTheRest()
    {
        Assert.SkipUnless(HasAvx2, "the processor has no AVX2");
        using var scope = NewDisposeScope();
        var (a, b, whole) = (randn(20, 40), randn(40, 21), full(20, 50, 7f));
        PanelProduct.Multiply(default(FloatTile), FloatOperand.Rows(a), FloatOperand.Columns(b), default(NoStart), whole.narrow(1, 9, 21), 40);
        Near(a.to(float64).mm(b.to(float64)), whole.narrow(1, 9, 21));
        Assert.True(whole.narrow(1, 0, 9).eq(7).all().item<bool>() && whole.narrow(1, 30, 20).eq(7).all().item<bool>());
    }

    [Theory]
    [InlineData(1800, 96, 112, 24, true)]
    [InlineData(500, 1100, 80, 36, false)]
    [InlineData(2001, 90, 96, 8, true)]
    [InlineData(2001, 90, 98, 8, true)] // not whole panels: libtorch's products
    [InlineData(3, 96, 64, 20, true)] // few rows: likewise
    [InlineData(1800, 500, 96, 20, true)] // a thin side that is better as rows
    public void WhatIsAdded_IsAdded(int n, int k, int m, int r, bool hasBias)
    {
        using var scope = NewDisposeScope();
        manual_seed(n + k);
        var (x, weight, bias) = (randn(n, k), randn(m, k), hasBias ? randn(m) : null);
        var (h, factor, shard) = (randn(n, r), randn(m, r), randn(n, r));
        var (exact, sum) = (x.to(float64).mm(weight.t().to(float64)), h.to(float64).mm(factor.t().to(float64)));
        var added = hasBias ? bias!.to(float64) : zeros(m, dtype: float64);
        Near(exact + sum + added, MatrixProduct.Sum(x, weight.t(), h, factor.t(), bias));
        Near(exact + sum, MatrixProduct.Sum(x, weight.t().contiguous(), h.t().contiguous().t(), factor.t().contiguous()));
        var tiled = shard.to(float64).repeat(1, (m + r - 1) / r).narrow(1, 0, m);
        Near(exact + tiled + added, MatrixProduct.Tiled(x, weight.t(), shard, bias));
        Near(exact + tiled, MatrixProduct.Tiled(x, weight.t(), shard.t().contiguous().t()));
        Near(h.t().to(float64).mm(x.to(float64)).t(), MatrixProduct.Of(x.t(), h));
        Near(exact, MatrixProduct.Of(x, weight.t()));
        Near(exact.t(), MatrixProduct.Of(weight, x.t()));
        Near(h.t().to(float64).mm(x.to(float64)), MatrixProduct.Of(h.t(), x));
    }

    [Fact]
    public void ShapesThatDoNotFit_AreRefused()
    {
        using var scope = NewDisposeScope();
        var (x, w) = (zeros(100, 32), zeros(32, 48));
        Assert.Contains("takes [n, 32] on its left, not [100, 31]", Assert.Throws<ArgumentException>(() => MatrixProduct.Of(zeros(100, 31), w)).Message);
        Assert.Contains("is a matrix, not [32]", Assert.Throws<ArgumentException>(() => MatrixProduct.Of(x, zeros(32))).Message);
        Assert.Throws<ArgumentException>(() => MatrixProduct.Sum(x, w, zeros(99, 8), zeros(8, 48)));
        Assert.Throws<ArgumentException>(() => MatrixProduct.Sum(x, w, zeros(100, 8), zeros(8, 32)));
        Assert.Throws<ArgumentException>(() => MatrixProduct.Sum(x, w, zeros(100, 8), zeros(8, 48), zeros(47)));
        Assert.Contains("has the shape [99, 8]; it needs [100, 8]", Assert.Throws<ArgumentException>(() => MatrixProduct.Tiled(x, w, zeros(99, 8))).Message);
        Assert.Throws<ArgumentException>(() => BlockAffine.Linear(x, zeros(48, 48), zeros(3, 16, 16), null));
        Assert.Throws<ArgumentException>(() => MatrixProduct.Tiled(x, w, zeros(100)));
        Assert.Throws<ArgumentException>(() => MatrixProduct.Tiled(x, w, zeros(100, 0)));
        Assert.Throws<ArgumentException>(() => BlockAffine.Linear(zeros(100, 48), zeros(48, 48), zeros(3, 16, 16), zeros(1)));
        Assert.Throws<ArgumentException>(() => BlockAffine.BlockGradient(zeros(48, 64), zeros(3, 16, 16), zeros(100, 48), zeros(100, 32)));
        Assert.Throws<ArgumentException>(() => BlockAffine.BlockGradient(zeros(48, 64), zeros(3, 16, 16), zeros(100, 64), zeros(100, 64)));
        Assert.Throws<ArgumentException>(() => BlockAffine.InputGradient(x, zeros(48, 48), zeros(3, 16, 16)));
    }

    [Theory, InlineData(300, 700, 96), InlineData(128, 700, 400)]
    public void Products_DoNotDependOnTheNumberOfThreads(int n, int k, int m)
    {
        Assert.SkipUnless(PanelProduct.IsFast, "the processor has wider instructions, and libtorch's products are used");
        using var scope = NewDisposeScope();
        var (a, b, threads) = (randn(n, k), randn(k, m), get_num_threads());
        var both = MatrixProduct.Of(a, b);
        try
        {
            set_num_threads(1);
            Assert.True(MatrixProduct.Of(a, b).Equals(both));
        }
        finally
        {
            set_num_threads(threads);
        }
    }

    /// <summary>Each thread asks libtorch for its own number of threads, and new ones are told what was set last.</summary>
    [Fact]
    public void Products_OfAThreadWithAnotherNumberOfThreads_AreWhole()
    {
        Assert.SkipUnless(HasAvx2, "the processor has no AVX2");
        using var scope = NewDisposeScope();
        var (a, b, y, threads) = (randn(300, 700), randn(700, 96), full(300, 96, float.NaN), get_num_threads());
        using var asked = new ManualResetEventSlim();
        using var set = new ManualResetEventSlim();
        var other = new Thread(() =>
        {
            get_num_threads();
            asked.Set();
            set.Wait();
            PanelProduct.Multiply(default(FloatTile), FloatOperand.Rows(a), FloatOperand.Columns(b), default(NoStart), y, 700);
        });
        other.Start();
        asked.Wait(TestContext.Current.CancellationToken);
        try
        {
            set_num_threads(1);
            set.Set();
            other.Join();
            Near(a.to(float64).mm(b.to(float64)), y);
        }
        finally
        {
            set_num_threads(threads);
        }
    }

    private static bool HasAvx2 => System.Runtime.Intrinsics.X86.Avx2.IsSupported && System.Runtime.Intrinsics.X86.Fma.IsSupported;

    private static void Near(Tensor expected, Tensor actual)
    {
        Assert.Equal(float32, actual.dtype);
        Assert.Equal(expected.shape, actual.shape);
        if (expected.numel() == 0)
        {
            return;
        }

        Assert.InRange((actual - expected).abs().max().item<double>(), 0, 3e-6 * expected.abs().max().item<double>());
    }
}
