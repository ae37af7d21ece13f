using Marrow.Kernels.Memory;
using Marrow.Shared;
using static TorchSharp.torch;

namespace Marrow.Cuda;

/// <summary>Bone's row form by CUDA kernels on tensor cores: the text <c>bone.cu</c>.</summary>
internal static unsafe class CudaBone
{
    /// <summary>The edges of blocks that have kernels.</summary>
    public static IReadOnlyList<long> Edges => TensorCoreBlocks.Edges;

    /// <summary>What a lane's loads need, in bytes.</summary>
    private const ulong Alignment = 16;

    /// <summary>How many shards a thread block takes: enough that what it does once counts little.</summary>
    private const long ShardsOfBlock = 8;

    /// <summary>Entries of G that are made at a time: 24 MB, which stay in the cache.</summary>
    private const long CachedEntries = 12 << 20;

    /// <summary>
    /// The kernels for a contiguous weight and block of one type of 16 bits; null if they do not apply. float32, which
    /// tensor cores would round, is left to torch's batched products.
    /// </summary>
    /// <param name="weight">W [out, in].</param>
    /// <param name="block">B [out/r, r, r].</param>
    public static CudaModule? For(Tensor weight, Tensor block) =>
        CudaKernels.DriverOf(weight) is { } driver
            && CudaEntry.Of(weight) is { } entry and (CudaEntry.Bfloat16 or CudaEntry.Half)
            && block.dtype == weight.dtype && Edges.Contains(block.size(1))
            && IsAligned(weight) && IsAligned(block)
            ? CudaKernels.Load(driver, Text(entry, block.size(1)))
            : null;

    public static KernelText Text(string entry, long block) => new("bone", $"ENTRY={entry} BLOCK={block}");

    /// <summary>W′, as W.</summary>
    /// <param name="kernels">From <see cref="For"/>.</param>
    /// <param name="weight">W [out, in].</param>
    /// <param name="block">B [out/r, r, r].</param>
    public static Tensor Adapt(CudaModule kernels, Tensor weight, Tensor block)
    {
        var (rows, r) = (block.size(0), block.size(1));
        var (shards, adapted) = (weight.size(1) / r, empty_like(weight));
        var parts = Parts(shards);
        kernels.Launch("bone_adapt", rows * parts, (int)r * 2, weight, block, adapted, shards, (int)parts);
        return adapted;
    }

    /// <summary>dB in float32, [out/r, r, r]. G = dyᵀ x is made by groups of block rows.</summary>
    /// <param name="kernels">From <see cref="For"/>.</param>
    /// <param name="weight">W [out, in].</param>
    /// <param name="block">B [out/r, r, r].</param>
    /// <param name="dy">Gradient of the output, [n, out].</param>
    /// <param name="x">Input, [n, in].</param>
    public static Tensor Gradient(CudaModule kernels, Tensor weight, Tensor block, Tensor dy, Tensor x)
    {
        using var scope = NewDisposeScope();
        var (rows, r, shards) = (block.size(0), block.size(1), weight.size(1) / block.size(1));
        var (parts, tiles) = (Parts(shards), r % 32 == 0 ? r / 32 : r / 16);
        var sums = empty([rows, parts, r, r], dtype: ScalarType.Float32, device: weight.device);
        var group = Math.Max(1, CachedEntries / (r * weight.size(1)));
        for (var first = 0L; first < rows; first += group)
        {
            using var inner = NewDisposeScope();
            var count = Math.Min(group, rows - first);
            var g = dy.narrow(1, first * r, count * r).t().mm(x);
            kernels.Launch(
                "bone_gradient", count * parts, (int)(tiles * tiles * 32), weight.narrow(0, first * r, count * r), g,
                sums.narrow(0, first, count), shards, (int)parts);
        }

        return scope.MoveToOuter(sums.sum([1]));
    }

    private static long Parts(long shards) => (shards + ShardsOfBlock - 1) / ShardsOfBlock;

    private static bool IsAligned(Tensor x) => x.is_contiguous() && (ulong)x.Address() % Alignment == 0;
}
