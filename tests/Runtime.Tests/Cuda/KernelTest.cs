using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Cuda;

/// <summary>
/// The product's CUDA kernels, dispatched by the product, against plain operations. Each runs in three orders of its
/// threads, which must give the same bits.
/// </summary>
public abstract class KernelTest : IDisposable
{
    private const uint Orders = 3;

    private readonly TorchSharp.DisposeScope scope = NewDisposeScope();

    protected KernelTest() => KernelHost.Require();

    /// <summary>Types, and sizes with whole packs of entries and without.</summary>
    public static TheoryData<ScalarType, int, int> OddSizes =>
        new(from type in (ScalarType[])[float32, bfloat16, float16]
            from size in ((int, int)[])[(1, 1), (3, 7), (8, 8), (5, 33), (12, 64), (67, 131), (20, 520)]
            select (type, size.Item1, size.Item2));

    public void Dispose()
    {
        scope.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>The results of an operation, the same bits in three orders.</summary>
    /// <param name="function">The function that it launches.</param>
    /// <param name="operation">The operation.</param>
    /// <param name="isLaunched">False where it must not.</param>
    protected static IReadOnlyList<Tensor> Run(
        string function, Func<IReadOnlyList<Tensor>> operation, bool isLaunched = true)
    {
        var results = new List<IReadOnlyList<Tensor>>();
        for (var order = 1u; order <= Orders; order++)
        {
            using var cuda = KernelHost.Take(order);
            results.Add(operation());
            Assert.Equal(isLaunched, KernelHost.Driver.Launched.Contains(function));
        }

        Assert.All(results.Skip(1), other => Assert.All(other.Zip(results[0]), pair =>
            Assert.True(pair.First.equal(pair.Second).all().item<bool>())));
        return results[0];
    }

    /// <summary>Compares by the largest entry of each result, 1 at least.</summary>
    protected static void AssertNear(IReadOnlyList<Tensor> actual, IReadOnlyList<Tensor> expected, double tolerance)
    {
        Assert.Equal(expected.Count, actual.Count);
        for (var i = 0; i < actual.Count; i++)
        {
            var largest = Math.Max(1, expected[i].abs().max().to(float64).item<double>());
            var difference = (actual[i].to(float64) - expected[i].to(float64)).abs().max().item<double>();
            Assert.True(difference <= tolerance * largest, $"result {i}: {difference} of {largest}");
        }
    }

    /// <summary>How far a type rounds, a few times over.</summary>
    protected static double Tolerance(ScalarType type) => type switch
    {
        ScalarType.Float32 => 2e-5,
        ScalarType.Float16 => 3e-3,
        _ => 2e-2,
    };
}
