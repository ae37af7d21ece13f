using Marrow.CompilerServices;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Cuda;

/// <summary>Dropout by a seed: Philox as published, and the same mask both ways.</summary>
[Trait("Gpu", "yes")]
public sealed class DropoutKernelTests : KernelTest
{
    // Known answers of Random123: Philox4x32-10 with a counter and a key of zeros.
    private static readonly uint[] OfZeros = [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8];

    [Theory]
    [MemberData(nameof(OddSizes))]
    public void Entries_AreKeptByPhilox(ScalarType type, int rows, int columns)
    {
        const double probability = 0.3;
        const long seed = 0x1234567890abcdef;
        var x = CudaOperations.Surrounded((rand(rows, columns) + 1).to(type));
        var y = Run("dropout", () => [DropoutMask.Apply(x, Seed(seed), probability)])[0];
        Assert.Equal(type, y.dtype);
        bool[] kept = [.. Enumerable.Range(0, rows * columns).Select(i =>
            Philox((ulong)i / 4, seed)[i % 4] >= probability * 4294967296.0)];
        var mask = tensor(kept).view(rows, columns).to(y.device);
        AssertNear([y], [x.to(float32) * mask / (1 - probability)], Tolerance(type));
        Assert.True(y.eq(0).equal(mask.logical_not()).all().item<bool>());
    }

    [Fact]
    public void Philox_HasItsKnownAnswers()
    {
        Assert.Equal(OfZeros, Philox(0, 0));
        foreach (var (i, word) in OfZeros.Index())
        {
            // Entry i is kept by a threshold of its word, and dropped by a higher one.
            using var cuda = KernelHost.Take();
            var at = word / 4294967296.0;
            Assert.NotEqual(0, DropoutMask.Apply(ones(4), Seed(0), at)[i].item<float>());
            Assert.Equal(0, DropoutMask.Apply(ones(4), Seed(0), at + 1e-9)[i].item<float>());
        }
    }

    [Fact]
    public void Share_IsTheProbability_AndSeedsDiffer()
    {
        using var cuda = KernelHost.Take();
        var x = ones(40_000);
        var (first, second) = (DropoutMask.Draw(x, 0.1)!, DropoutMask.Draw(x, 0.1)!);
        Assert.True(DropoutMask.IsSeed(first));
        var masks = (DropoutMask.Apply(x, first, 0.1).ne(0), DropoutMask.Apply(x, second, 0.1).ne(0));
        Assert.Equal(0.9, masks.Item1.to(float64).mean().item<double>(), 0.01);
        Assert.Equal(0.82, masks.Item1.eq(masks.Item2).to(float64).mean().item<double>(), 0.01);
    }

    [Fact]
    public void ALayer_DropsTheSameInItsBackward_AndInARecomputation()
    {
        using var cuda = KernelHost.Take();
        using var layer = new Marrow.Dropout("drop", 0.4);
        var x = rand(300).add(1).requires_grad_();
        var y = layer.call(x);
        y.sum().backward();
        Assert.Contains("dropout", KernelHost.Driver.Launched);
        Assert.True(x.grad!.ne(0).equal(y.ne(0)).all().item<bool>());
        Assert.InRange(y.ne(0).sum().item<long>(), 120, 240);
        layer.eval();
        Assert.True(layer.call(x).equal(x).all().item<bool>());
    }

    private static Tensor Seed(long seed) => tensor([seed]).to(KernelHost.Device);

    /// <summary>As in the paper, section 3.</summary>
    private static uint[] Philox(ulong counter, long seed)
    {
        var (words, key) = ((uint[])[(uint)counter, (uint)(counter >> 32), 0, 0], (ulong)seed);
        var (key0, key1) = ((uint)key, (uint)(key >> 32));
        for (var round = 0; round < 10; round++)
        {
            var (left, right) = (0xd2511f53ul * words[0], 0xcd9e8d57ul * words[2]);
            words =
            [
                (uint)(right >> 32) ^ words[1] ^ key0, (uint)right,
                (uint)(left >> 32) ^ words[3] ^ key1, (uint)left,
            ];
            (key0, key1) = (key0 + 0x9e3779b9, key1 + 0xbb67ae85);
        }

        return words;
    }
}
