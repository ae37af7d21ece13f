using System.ComponentModel;
using Marrow.Cuda;
using static TorchSharp.torch;

namespace Marrow.CompilerServices;

/// <summary>
/// Bone's column form moved to the input: x [n, in] is cut in shards x_i of length r, with one trainable r × r block
/// B[i] for each. For explicit forwards and backwards only: gradients are written in place, which autograd does not
/// follow.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static class ShardAffine
{
    // Groups of shards: intermediates stay in the CPU's cache, and no second tensor of the input's size exists. On CUDA
    // all shards are one group, whose few large operations count for more.
    private const long LeastShards = 1, MostEntries = 1 << 16;

    /// <summary><c>x_i + z_i</c> and <c>Σ_i z_i</c>, where <c>z_i = x_i B[i]ᵀ</c>.</summary>
    /// <param name="x">[n, in].</param>
    /// <param name="block">B [in/r, r, r].</param>
    /// <returns>x + z [n, in]; its shards' part z summed, [n, r].</returns>
    /// <exception cref="ArgumentException">There is not one block for each shard.</exception>
    public static (Tensor Turned, Tensor Sum) Apply(Tensor x, Tensor block)
    {
        Check(x, block);
        using var scope = NewDisposeScope();
        var r = block.size(1);
        if (CudaKernels.IsDevice(x))
        {
            var all = Cut(x, r).bmm(block.transpose(1, 2)); // [in/r, n, r]
            return scope.MoveToOuter(x.view(x.size(0), -1, r).add(all.transpose(0, 1)).reshape(x.shape), all.sum([0]));
        }

        var (turned, sum) = (empty_like(x), zeros([x.size(0), r], dtype: x.dtype, device: x.device));
        foreach (var (first, count) in Groups(x, block))
        {
            using var inner = NewDisposeScope();
            var shards = Cut(x, r).narrow(0, first, count); // [count, n, r]
            var z = shards.bmm(block.narrow(0, first, count).transpose(1, 2));
            sum.add_(z.sum([0]));
            Cut(turned, r).narrow(0, first, count).copy_(z.add_(shards));
        }

        return scope.MoveToOuter(turned, sum);
    }

    /// <summary>
    /// <c>dB[i] = h_iᵀ x_i</c>, where <c>h_i = dx_i + g</c>. Then, if the input wants its gradient,
    /// <c>dx_i += h_i B[i]</c>, in place.
    /// </summary>
    /// <param name="dx">Gradient of the turned input, [n, in].</param>
    /// <param name="g">Gradient of the sum, [n, r].</param>
    /// <param name="x">[n, in].</param>
    /// <param name="block">B [in/r, r, r].</param>
    /// <param name="needsInput">Whether dx is wanted.</param>
    /// <returns>dB [in/r, r, r].</returns>
    /// <exception cref="ArgumentException">
    /// There is not one block for each shard, or the gradients have other shapes.
    /// </exception>
    public static Tensor Backward(Tensor dx, Tensor g, Tensor x, Tensor block, bool needsInput)
    {
        Check(x, block);
        if (!dx.shape.SequenceEqual(x.shape) || !g.shape.SequenceEqual([x.size(0), block.size(1)]))
        {
            throw new ArgumentException(
                $"Gradients [{string.Join(", ", dx.shape)}] and [{string.Join(", ", g.shape)}] are not those of an "
                + $"input [{string.Join(", ", x.shape)}] and its sum over shards.",
                nameof(dx));
        }

        using var scope = NewDisposeScope();
        var r = block.size(1);
        var gradient = empty_like(block);
        foreach (var (first, count) in Groups(x, block))
        {
            using var inner = NewDisposeScope();
            var (dShards, blocks) = (Cut(dx, r).narrow(0, first, count), block.narrow(0, first, count));
            var h = dShards + g; // [count, n, r]
            gradient.narrow(0, first, count).copy_(h.transpose(1, 2).bmm(Cut(x, r).narrow(0, first, count)));
            if (needsInput)
            {
                dShards.add_(h.bmm(blocks));
            }
        }

        return scope.MoveToOuter(gradient);
    }

    private static void Check(Tensor x, Tensor block)
    {
        if (block.size(1) != block.size(2) || x.size(1) != block.size(0) * block.size(1))
        {
            throw new ArgumentException(
                $"Blocks [{string.Join(", ", block.shape)}] are not one for each shard of an input "
                + $"[{string.Join(", ", x.shape)}].",
                nameof(block));
        }
    }

    private static IEnumerable<(long First, long Count)> Groups(Tensor x, Tensor block)
    {
        var (shards, r) = (block.size(0), block.size(1));
        var group = CudaKernels.IsDevice(x)
            ? shards
            : Math.Max(LeastShards, MostEntries / Math.Max(1, x.size(0) * r));
        for (var first = 0L; first < shards; first += group)
        {
            yield return (first, Math.Min(group, shards - first));
        }
    }

    /// <summary>x_i [in/r, n, r], a view.</summary>
    private static Tensor Cut(Tensor x, long length) => x.view(x.size(0), x.size(1) / length, length).transpose(0, 1);
}
