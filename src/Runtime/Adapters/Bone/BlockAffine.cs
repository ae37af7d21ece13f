using System.ComponentModel;
using Marrow.Cuda;
using static TorchSharp.torch;

namespace Marrow.CompilerServices;

/// <summary>
/// Block affine products on a weight W [out, in] cut into r × r blocks W[o,i], with one trainable block per output
/// block (Bone's row form). A row of blocks is contiguous, so no product needs a permuted copy. For explicit forwards
/// and backwards only: results are written into parts of tensors, which autograd does not follow.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static class BlockAffine
{
    /// <summary><c>y = x W′ᵀ + b</c>.</summary>
    /// <param name="x">[n, in].</param>
    /// <param name="weight">W [out, in].</param>
    /// <param name="block">B [out/r, r, r].</param>
    /// <param name="bias">b [out], or null.</param>
    /// <returns>[n, out].</returns>
    /// <exception cref="ArgumentException">The blocks do not tile W's rows.</exception>
    public static Tensor Linear(Tensor x, Tensor weight, Tensor block, Tensor? bias)
    {
        using var scope = NewDisposeScope();
        return scope.MoveToOuter(nn.functional.linear(x, Adapt(weight, block), bias));
    }

    /// <summary><c>dx = dy W′</c>.</summary>
    /// <param name="dy">[n, out].</param>
    /// <param name="weight">W [out, in].</param>
    /// <param name="block">B [out/r, r, r].</param>
    /// <returns>[n, in].</returns>
    /// <exception cref="ArgumentException">The blocks do not tile W's rows.</exception>
    public static Tensor InputGradient(Tensor dy, Tensor weight, Tensor block)
    {
        using var scope = NewDisposeScope();
        return scope.MoveToOuter(dy.mm(Adapt(weight, block)));
    }

    /// <summary><c>W′[o,i] = W[o,i] (I + B[o]) + B[o]</c>: one batched GEMM, and B added in place.</summary>
    /// <param name="weight">W [out, in].</param>
    /// <param name="block">B [out/r, r, r].</param>
    /// <returns>W′ [out, in].</returns>
    /// <exception cref="ArgumentException">The blocks do not tile W's rows.</exception>
    public static Tensor Adapt(Tensor weight, Tensor block)
    {
        var (rows, r, shards) = Shape(weight, block);
        using var scope = NewDisposeScope();
        if (CudaBone.For(weight, block) is { } kernels)
        {
            return scope.MoveToOuter(CudaBone.Adapt(kernels, weight, block));
        }

        // The r × r blocks of a block row interleave: [a, i] is row a of W[o,i].
        var blockRows = weight.view(rows, r * shards, r);
        // In 16 bits I + B would lose a small B; there W is added to W B. (TorchSharp: a.baddbmm(b, c) is c + a b.)
        var adapted = block.element_size() == 2
            ? blockRows.baddbmm(block, blockRows)
            : blockRows.bmm(block + eye(r, dtype: block.dtype, device: block.device));
        adapted.view(rows, r, shards, r).add_(block.unsqueeze(2));
        return scope.MoveToOuter(adapted.view(weight.shape));
    }

    /// <summary><c>dB[o] = Σ_i W[o,i]ᵀ G[o,i] + G[o,i]</c> with G = dyᵀ x.</summary>
    /// <remarks>
    /// G is made as a whole: it is no larger than W′, which forward and backward make anyway, and is gone before that.
    /// For CUDA's kernel it is made in parts that stay in the cache.
    /// </remarks>
    /// <param name="weight">W [out, in].</param>
    /// <param name="block">B [out/r, r, r].</param>
    /// <param name="dy">Gradient of the output, [n, out].</param>
    /// <param name="x">Input, [n, in].</param>
    /// <returns>dB [out/r, r, r]; of W's type, or float32 where a kernel sums in it.</returns>
    /// <exception cref="ArgumentException">The blocks do not tile W's rows.</exception>
    public static Tensor BlockGradient(Tensor weight, Tensor block, Tensor dy, Tensor x)
    {
        var (rows, r, shards) = Shape(weight, block);
        using var scope = NewDisposeScope();
        if (CudaBone.For(weight, block) is { } kernels)
        {
            return scope.MoveToOuter(CudaBone.Gradient(kernels, weight, block, dy, x));
        }

        var g = dy.t().mm(x); // G [out, in]
        var products = weight.view(rows, r * shards, r).transpose(1, 2).bmm(g.view(rows, r * shards, r));
        return scope.MoveToOuter(products.add_(g.view(rows, r, shards, r).sum([2])));
    }

    private static (long Rows, long BlockSize, long Shards) Shape(Tensor weight, Tensor block)
    {
        var (rows, r) = (block.size(0), block.size(1));
        return block.size(2) == r && weight.size(0) == rows * r && weight.size(1) % r == 0
            ? (rows, r, weight.size(1) / r)
            : throw new ArgumentException(
                $"Blocks [{string.Join(", ", block.shape)}] do not tile the rows of a weight "
                + $"[{string.Join(", ", weight.shape)}].",
                nameof(block));
    }
}
