using Marrow.Kernels;
using static TorchSharp.torch;

namespace Marrow.Autograd;

/// <summary>
/// A product with what a method adds to it, written once. For explicit forwards and backwards only: autograd does not see what kernels do.
/// In float32 on processors where <see cref="PanelProduct"/> keeps up with libtorch; else it is libtorch's product, and what is added a pass of its own.
/// </summary>
public static class MatrixProduct
{
    // For fewer, laying out both sides, or what is added to a product of few rows, takes longer than libtorch's way. And a product of fewer
    // multiplications is over before what comes before and after it has paid off.
    private const long LeastRows = 96, LeastWork = 1 << 24;

    /// <summary><c>a b</c>.</summary>
    /// <param name="a">[n, k], or a transposed view.</param>
    /// <param name="b">[k, m], or a transposed view.</param>
    /// <returns>[n, m]; with few columns it may be a transposed view.</returns>
    /// <exception cref="ArgumentException">The shapes do not fit.</exception>
    public static Tensor Of(Tensor a, Tensor b)
    {
        Check(a, b);
        if (!IsFast(a, b))
        {
            return a.mm(b);
        }

        using var scope = NewDisposeScope();
        if (b.size(1) < a.size(0) && PanelProduct.AreBetterAsRows(b.size(1)))
        {
            return scope.MoveToOuter(Of(b.t(), a.t()).t());
        }

        var product = empty([a.size(0), b.size(1)], dtype: ScalarType.Float32);
        Write(a, b, product);
        return scope.MoveToOuter(product);
    }

    /// <summary><c>x W + h B + b</c> as one product: <c>[x | h]</c> with W above B.</summary>
    /// <param name="x">[n, k].</param>
    /// <param name="weight">W [k, m], or a transposed view.</param>
    /// <param name="h">[n, r].</param>
    /// <param name="factor">B [r, m], or a transposed view.</param>
    /// <param name="bias">b [m], or null.</param>
    /// <returns>[n, m].</returns>
    /// <exception cref="ArgumentException">The shapes do not fit.</exception>
    public static Tensor Sum(Tensor x, Tensor weight, Tensor h, Tensor factor, Tensor? bias = null)
    {
        Check(x, weight, bias);
        Check(h, factor);
        CheckAdded(h, [x.size(0), h.size(1)]);
        CheckAdded(factor, [factor.size(0), weight.size(1)]);
        if (!Suits(x, weight, bias) || !IsLaidOut(h) || !IsLaidOut(factor))
        {
            return Plain(x, weight, bias).addmm_(h, factor);
        }

        var y = empty([x.size(0), weight.size(1)], dtype: ScalarType.Float32);
        var length = (int)x.size(1);
        Multiply(
            new JoinedOperand<FloatOperand, FloatOperand>(FloatOperand.Rows(x), length, FloatOperand.Rows(h)),
            new JoinedOperand<FloatOperand, FloatOperand>(FloatOperand.Columns(weight), length, FloatOperand.Columns(factor)),
            default(NoStart), bias, y, length + (int)h.size(1));
        Keep(x, weight, h, factor);
        return y;
    }

    /// <summary><c>x W + tile(s) + b</c>: each row's shard repeated along the columns.</summary>
    /// <param name="x">[n, k].</param>
    /// <param name="weight">W [k, m], or a transposed view.</param>
    /// <param name="shard">s [n, r].</param>
    /// <param name="bias">b [m], or null.</param>
    /// <returns>[n, m].</returns>
    /// <exception cref="ArgumentException">The shapes do not fit.</exception>
    public static unsafe Tensor Tiled(Tensor x, Tensor weight, Tensor shard, Tensor? bias = null)
    {
        Check(x, weight, bias);
        var length = shard.dim() == 2 ? shard.size(1) : 0;
        CheckAdded(shard, [x.size(0), Math.Max(1, length)]);
        if (!Suits(x, weight, bias) || length % Lanes.Count != 0 || !TensorMemory.AreFloats(shard))
        {
            var sum = Plain(x, weight, bias);
            Shards.AddTiled(sum, shard);
            return sum;
        }

        using var scope = NewDisposeScope();
        var (y, shards) = (empty([x.size(0), weight.size(1)], dtype: ScalarType.Float32), shard.contiguous());
        Multiply(FloatOperand.Rows(x), FloatOperand.Columns(weight), new TiledStart(shards.Floats(), (int)length), bias, y, (int)x.size(1));
        Keep(x, weight, shards);
        return scope.MoveToOuter(y);
    }

    /// <summary><c>a b</c> for a b [rows, columns] that is made on the way; <see cref="Suits(Tensor, long)"/>.</summary>
    internal static Tensor Of<TRight>(Tensor a, TRight b, long rows, long columns)
        where TRight : struct, IPanelOperand
    {
        CheckColumns(a, rows);
        var product = empty([a.size(0), columns], dtype: ScalarType.Float32);
        Multiply(FloatOperand.Rows(a), b, default(NoStart), bias: null, product, (int)rows);
        Keep(a);
        return product;
    }

    /// <summary><c>a b</c> into a matrix that is there.</summary>
    internal static void Write(Tensor a, Tensor b, Tensor product)
    {
        Check(a, b);
        CheckAdded(product, [a.size(0), b.size(1)]);
        if (IsFast(a, b) && TensorMemory.AreFloats(product))
        {
            Multiply(FloatOperand.Rows(a), FloatOperand.Columns(b), default(NoStart), bias: null, product, (int)a.size(1));
            Keep(a, b);
        }
        else
        {
            product.addmm_(a, b, beta: 0);
        }
    }

    /// <summary>Whether a product of these, with something added, has a kernel that is worth it.</summary>
    internal static bool Suits(Tensor x, Tensor weight, Tensor? bias) =>
        Suits(x, weight.size(1))
        && IsLaidOut(weight)
        && (bias is null || (TensorMemory.AreFloats(bias) && bias.is_contiguous()));

    /// <summary>Whether a product of so many columns has.</summary>
    internal static bool Suits(Tensor x, long columns) =>
        PanelProduct.IsFast
        && IsLaidOut(x)
        && x.size(0) >= LeastRows
        && x.size(0) * x.size(1) * columns >= LeastWork
        && columns % PanelProduct.TileColumns == 0;

    /// <summary><c>y = start + b + left right</c>.</summary>
    internal static unsafe void Multiply<TLeft, TRight, TStart>(TLeft left, TRight right, TStart start, Tensor? bias, Tensor y, int steps, int unit = 1)
        where TLeft : struct, IPanelOperand
        where TRight : struct, IPanelOperand
        where TStart : struct, IProductStart
    {
        if (bias is null)
        {
            PanelProduct.Multiply(default(FloatTile), left, right, start, y, steps, unit);
        }
        else
        {
            PanelProduct.Multiply(default(FloatTile), left, right, new SumStart<TStart, BiasStart>(start, new(bias.Floats())), y, steps, unit);
            Keep(bias);
        }
    }

    /// <summary>Operands are pointers: the tensors they belong to must not be collected before the product is made.</summary>
    internal static void Keep(params ReadOnlySpan<Tensor> operands)
    {
        foreach (var operand in operands)
        {
            GC.KeepAlive(operand);
        }
    }

    /// <summary>Whether a left side [n, rows] meets a right side [rows, …].</summary>
    /// <exception cref="ArgumentException">It does not.</exception>
    internal static void CheckColumns(Tensor a, long rows)
    {
        if (a.dim() != 2 || a.size(1) != rows)
        {
            throw new ArgumentException($"A product with {rows} rows takes [n, {rows}] on its left, not {Shape(a)}.", nameof(a));
        }
    }

    /// <summary>Whether something has the shape that a product asks for.</summary>
    /// <exception cref="ArgumentException">It has not.</exception>
    internal static void CheckAdded(Tensor added, long[] shape)
    {
        if (!added.shape.SequenceEqual(shape))
        {
            throw new ArgumentException($"What goes into a product has the shape {Shape(added)}; it needs [{string.Join(", ", shape)}].", nameof(added));
        }
    }

    private static void Check(Tensor a, Tensor b, Tensor? bias = null)
    {
        if (b.dim() != 2)
        {
            throw new ArgumentException($"The right side of a product is a matrix, not {Shape(b)}.", nameof(b));
        }

        CheckColumns(a, b.size(0));
        if (bias is not null)
        {
            CheckAdded(bias, [b.size(1)]);
        }
    }

    /// <summary>Whether a plain product is faster here: one side may be thin, the other must be worth laying out.</summary>
    private static bool IsFast(Tensor a, Tensor b) =>
        PanelProduct.IsFast
        && IsLaidOut(a)
        && IsLaidOut(b)
        && a.size(0) * a.size(1) * b.size(1) >= LeastWork
        && Math.Max(a.size(0), b.size(1)) >= LeastRows
        && Math.Min(a.size(0), b.size(1)) >= PanelProduct.TileColumns;

    private static string Shape(Tensor tensor) => $"[{string.Join(", ", tensor.shape)}]";

    /// <summary>Whether a matrix can be an operand.</summary>
    private static bool IsLaidOut(Tensor matrix) => TensorMemory.AreFloats(matrix) && (matrix.stride(0) == 1 || matrix.stride(1) == 1);

    private static Tensor Plain(Tensor x, Tensor weight, Tensor? bias) => bias is null ? x.mm(weight) : bias.addmm(x, weight);
}
