using Marrow.Autograd;
using Marrow.Kernels;
using static TorchSharp.torch;

namespace Marrow.Adapters;

/// <summary>
/// Block affine products on a weight W [out, in] cut into r × r blocks W[o,i], with one trainable block per output
/// block (Bone's row form). A row of blocks is contiguous, so no product needs a permuted copy. For explicit forwards and
/// backwards only: autograd does not see what kernels do.
/// </summary>
public static class BlockAffine
{
    // Fewer rows of blocks at a time leave the GEMM too thin to run at speed; more entries at a time leave the cache.
    private const long LeastBlocks = 8, MostEntries = 1 << 21;

    /// <summary><c>y = x W′ᵀ + b</c>.</summary>
    /// <param name="x">[n, in].</param>
    /// <param name="weight">W [out, in].</param>
    /// <param name="block">B [out/r, r, r].</param>
    /// <param name="bias">b [out], or null.</param>
    /// <returns>[n, out].</returns>
    /// <exception cref="ArgumentException">The blocks do not tile W's rows, or the sizes do not fit.</exception>
    public static unsafe Tensor Linear(Tensor x, Tensor weight, Tensor block, Tensor? bias)
    {
        var (_, r, _) = Shape(weight, block);
        MatrixProduct.CheckColumns(x, weight.size(1));
        if (bias is not null)
        {
            MatrixProduct.CheckAdded(bias, [weight.size(0)]);
        }

        using var scope = NewDisposeScope();
        if (!FloatTile.Suits(r, weight, block) || !MatrixProduct.Suits(x, weight.t(), bias))
        {
            return scope.MoveToOuter(nn.functional.linear(x, Adapt(weight, block), bias));
        }

        var y = empty([x.size(0), weight.size(0)], dtype: ScalarType.Float32);
        var adapted = new BlockAffineRows(weight.Floats(), weight.size(1), BlockPanels.Of(block, isLeft: true, out var panels));
        MatrixProduct.Multiply(FloatOperand.Rows(x), adapted, default(NoStart), bias, y, (int)x.size(1), unit: (int)r);
        MatrixProduct.Keep(x, weight, panels);
        return scope.MoveToOuter(y);
    }

    /// <summary><c>dx = dy W′</c>.</summary>
    /// <param name="dy">[n, out].</param>
    /// <param name="weight">W [out, in].</param>
    /// <param name="block">B [out/r, r, r].</param>
    /// <returns>[n, in].</returns>
    /// <exception cref="ArgumentException">The blocks do not tile W's rows, or the sizes do not fit.</exception>
    public static unsafe Tensor InputGradient(Tensor dy, Tensor weight, Tensor block)
    {
        var (_, r, _) = Shape(weight, block);
        MatrixProduct.CheckColumns(dy, weight.size(0));
        using var scope = NewDisposeScope();
        if (!FloatTile.Suits(r, weight, block) || !MatrixProduct.Suits(dy, weight, bias: null))
        {
            return scope.MoveToOuter(dy.mm(Adapt(weight, block)));
        }

        var dx = empty([dy.size(0), weight.size(1)], dtype: ScalarType.Float32);
        var adapted = new BlockAffineColumns(weight.Floats(), weight.size(1), BlockPanels.Of(block, isLeft: false, out var panels));
        MatrixProduct.Multiply(FloatOperand.Rows(dy), adapted, default(NoStart), bias: null, dx, (int)dy.size(1), unit: (int)r);
        MatrixProduct.Keep(dy, weight, panels);
        return scope.MoveToOuter(dx);
    }

    /// <summary>
    /// <c>W′[o,i] = W[o,i] (I + B[o]) + B[o]</c>: one pass over W in float32 on the CPU where r is a multiple of 16, else one batched
    /// GEMM and B added in place.
    /// </summary>
    /// <param name="weight">W [out, in].</param>
    /// <param name="block">B [out/r, r, r].</param>
    /// <returns>W′ [out, in].</returns>
    /// <exception cref="ArgumentException">The blocks do not tile W's rows.</exception>
    public static Tensor Adapt(Tensor weight, Tensor block)
    {
        var (rows, r, shards) = Shape(weight, block);
        using var scope = NewDisposeScope();
        if (FloatTile.Suits(r, weight, block))
        {
            var written = empty_like(weight);
            BlockAffineKernels.Adapt(weight, block, written);
            return scope.MoveToOuter(written);
        }

        var lines = weight.view(rows, r * shards, r); // a line is one row of one block
        // In 16 bits I + B would lose a small B; there W is added to W B. (TorchSharp: a.baddbmm(b, c) is c + a b.)
        var adapted = block.element_size() == 2
            ? lines.baddbmm(block, lines)
            : lines.bmm(block + eye(r, dtype: block.dtype, device: block.device));
        adapted.view(rows, r, shards, r).add_(block.unsqueeze(2));
        return scope.MoveToOuter(adapted.view(weight.shape));
    }

    /// <summary>
    /// <c>dB[o] = Σ_i W[o,i]ᵀ G[o,i] + G[o,i]</c> with G = dyᵀ x, built a few rows of blocks at a time, so that no
    /// tensor of the weight's size comes to be.
    /// </summary>
    /// <param name="weight">W [out, in].</param>
    /// <param name="block">B [out/r, r, r].</param>
    /// <param name="dy">Gradient of the output, [n, out].</param>
    /// <param name="x">Input, [n, in].</param>
    /// <returns>dB [out/r, r, r].</returns>
    /// <exception cref="ArgumentException">The blocks do not tile W's rows, or the sizes do not fit.</exception>
    public static Tensor BlockGradient(Tensor weight, Tensor block, Tensor dy, Tensor x)
    {
        var (rows, r, shards) = Shape(weight, block);
        MatrixProduct.CheckColumns(dy, rows * r);
        using var scope = NewDisposeScope();
        var gradient = empty_like(block);
        var hasKernel = FloatTile.Suits(r, weight, block);
        var group = Math.Min(rows, Math.Max(LeastBlocks, MostEntries / (r * r * shards)));
        var products = empty([group * r, r * shards], dtype: weight.dtype, device: weight.device);
        for (var first = 0L; first < rows; first += group)
        {
            using var inner = NewDisposeScope();
            var count = Math.Min(group, rows - first);
            var g = products.narrow(0, 0, count * r);
            MatrixProduct.Write(dy.narrow(1, first * r, count * r).t(), x, g);
            var part = gradient.narrow(0, first, count);
            if (hasKernel)
            {
                BlockAffineKernels.Gradient(weight.narrow(0, first * r, count * r), g, part);
                continue;
            }

            part.copy_(g.view(count, r, shards, r).sum(2));
            part.add_(weight.narrow(0, first * r, count * r).view(count, r * shards, r).transpose(1, 2)
                .bmm(g.view(count, r * shards, r)));
        }

        return scope.MoveToOuter(gradient);
    }

    private static (long Rows, long BlockSize, long Shards) Shape(Tensor weight, Tensor block)
    {
        var (rows, r) = (block.size(0), block.size(1));
        return block.size(2) == r && weight.size(0) == rows * r && weight.size(1) % r == 0
            ? (rows, r, weight.size(1) / r)
            : throw new ArgumentException(
                $"Blocks [{string.Join(", ", block.shape)}] do not tile the rows of a weight [{string.Join(", ", weight.shape)}].", nameof(block));
    }
}
