using Marrow.Kernels;
using static TorchSharp.torch;

namespace Marrow.Adapters;

/// <summary>
/// Bone's column form moved to the input: x [n, in] is cut in shards x_i of length r, with one trainable r × r block B[i] for each.
/// For explicit forwards and backwards only: autograd does not see what kernels do.
/// </summary>
public static class ShardAffine
{
    // For fewer, laying Bᵀ out costs more than a single pass over x saves.
    private const long LeastRows = 128;

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
        if (x.size(0) >= LeastRows && FloatTile.Suits(r, x, block))
        {
            var (turned, sum) = (empty_like(x), empty([x.size(0), r], dtype: ScalarType.Float32));
            ShardAffineKernels.Apply(x, block, turned, sum);
            return scope.MoveToOuter(turned, sum);
        }

        var shards = Cut(x, r);
        var z = shards.bmm(block.transpose(1, 2)); // [in/r, n, r]
        // x comes first: the sum then has its memory order, and the view back is free.
        return scope.MoveToOuter((shards.transpose(0, 1) + z.transpose(0, 1)).view(x.shape), z.sum([0]));
    }

    /// <summary>
    /// <c>dB[i] = h_iᵀ x_i</c>, where <c>h_i = dx_i + g</c>. Then, if the input wants its gradient, <c>dx_i += h_i B[i]</c>, in place.
    /// </summary>
    /// <param name="dx">Gradient of the turned input, [n, in].</param>
    /// <param name="g">Gradient of the sum, [n, r].</param>
    /// <param name="x">[n, in].</param>
    /// <param name="block">B [in/r, r, r].</param>
    /// <param name="needsInput">Whether dx is wanted.</param>
    /// <returns>dB [in/r, r, r].</returns>
    /// <exception cref="ArgumentException">There is not one block for each shard, or the gradients have other shapes.</exception>
    public static Tensor Backward(Tensor dx, Tensor g, Tensor x, Tensor block, bool needsInput)
    {
        Check(x, block);
        if (!dx.shape.SequenceEqual(x.shape) || !g.shape.SequenceEqual([x.size(0), block.size(1)]))
        {
            throw new ArgumentException(
                $"Gradients [{string.Join(", ", dx.shape)}] and [{string.Join(", ", g.shape)}] are not those of an input [{string.Join(", ", x.shape)}] and its sum over shards.",
                nameof(dx));
        }

        using var scope = NewDisposeScope();
        var r = block.size(1);
        if (FloatTile.Suits(r, dx, g, x, block))
        {
            var gradient = empty_like(block);
            ShardAffineKernels.Backward(dx, g, x, block, gradient, needsInput);
            return scope.MoveToOuter(gradient);
        }

        var h = Cut(dx, r) + g; // [in/r, n, r]
        if (needsInput)
        {
            Cut(dx, r).add_(h.bmm(block));
        }

        return scope.MoveToOuter(h.transpose(1, 2).bmm(Cut(x, r)));
    }

    private static void Check(Tensor x, Tensor block)
    {
        if (block.size(1) != block.size(2) || x.size(1) != block.size(0) * block.size(1))
        {
            throw new ArgumentException(
                $"Blocks [{string.Join(", ", block.shape)}] are not one for each shard of an input [{string.Join(", ", x.shape)}].", nameof(block));
        }
    }

    /// <summary>x_i [in/r, n, r], a view.</summary>
    private static Tensor Cut(Tensor x, long length) => x.view(x.size(0), x.size(1) / length, length).transpose(0, 1);
}
