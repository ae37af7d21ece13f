using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using static TorchSharp.torch;

namespace Marrow.Kernels;

/// <summary>
/// In float32. 12 sums, two vectors of b and one entry of a: the sixteen registers of AVX2 hold no more. Four steps are written out, since where
/// another thread shares the core the number of instructions is what limits, and a method for one step, inlined, would copy registers. What is added comes last, so that the next tile need not wait for it.
/// </summary>
internal readonly unsafe struct FloatTile : IProductTile
{
    /// <summary>Whether blocks of tensors that lie like this can be multiplied in whole tiles.</summary>
    /// <param name="columns">Columns of a block.</param>
    /// <param name="operands">What is multiplied.</param>
    public static bool Suits(long columns, params ReadOnlySpan<Tensor> operands)
    {
        foreach (var operand in operands)
        {
            if (!operand.is_contiguous())
            {
                return false;
            }
        }

        return TensorMemory.AreFloats(operands) && Avx2.IsSupported && columns % PanelProduct.TileColumns == 0;
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public void Multiply<TStart>(float* a, float* b, int steps, float* y, long stride, int row, int column, in TStart start)
        where TStart : struct, IProductStart
    {
        Vector256<float> a0 = default, a8 = default, b0 = default, b8 = default, c0 = default, c8 = default;
        Vector256<float> d0 = default, d8 = default, e0 = default, e8 = default, f0 = default, f8 = default;
        Vector256<float> left, right, entry;
        for (var fours = steps / 4; fours > 0; fours--, a += 4 * PanelProduct.TileRows, b += 4 * PanelProduct.TileColumns)
        {
            left = Vector256.Load(b); right = Vector256.Load(b + 8);
            entry = Vector256.Create(a[0]); a0 = Vector256.MultiplyAddEstimate(entry, left, a0); a8 = Vector256.MultiplyAddEstimate(entry, right, a8);
            entry = Vector256.Create(a[1]); b0 = Vector256.MultiplyAddEstimate(entry, left, b0); b8 = Vector256.MultiplyAddEstimate(entry, right, b8);
            entry = Vector256.Create(a[2]); c0 = Vector256.MultiplyAddEstimate(entry, left, c0); c8 = Vector256.MultiplyAddEstimate(entry, right, c8);
            entry = Vector256.Create(a[3]); d0 = Vector256.MultiplyAddEstimate(entry, left, d0); d8 = Vector256.MultiplyAddEstimate(entry, right, d8);
            entry = Vector256.Create(a[4]); e0 = Vector256.MultiplyAddEstimate(entry, left, e0); e8 = Vector256.MultiplyAddEstimate(entry, right, e8);
            entry = Vector256.Create(a[5]); f0 = Vector256.MultiplyAddEstimate(entry, left, f0); f8 = Vector256.MultiplyAddEstimate(entry, right, f8);
            left = Vector256.Load(b + 16); right = Vector256.Load(b + 24);
            entry = Vector256.Create(a[6]); a0 = Vector256.MultiplyAddEstimate(entry, left, a0); a8 = Vector256.MultiplyAddEstimate(entry, right, a8);
            entry = Vector256.Create(a[7]); b0 = Vector256.MultiplyAddEstimate(entry, left, b0); b8 = Vector256.MultiplyAddEstimate(entry, right, b8);
            entry = Vector256.Create(a[8]); c0 = Vector256.MultiplyAddEstimate(entry, left, c0); c8 = Vector256.MultiplyAddEstimate(entry, right, c8);
            entry = Vector256.Create(a[9]); d0 = Vector256.MultiplyAddEstimate(entry, left, d0); d8 = Vector256.MultiplyAddEstimate(entry, right, d8);
            entry = Vector256.Create(a[10]); e0 = Vector256.MultiplyAddEstimate(entry, left, e0); e8 = Vector256.MultiplyAddEstimate(entry, right, e8);
            entry = Vector256.Create(a[11]); f0 = Vector256.MultiplyAddEstimate(entry, left, f0); f8 = Vector256.MultiplyAddEstimate(entry, right, f8);
            left = Vector256.Load(b + 32); right = Vector256.Load(b + 40);
            entry = Vector256.Create(a[12]); a0 = Vector256.MultiplyAddEstimate(entry, left, a0); a8 = Vector256.MultiplyAddEstimate(entry, right, a8);
            entry = Vector256.Create(a[13]); b0 = Vector256.MultiplyAddEstimate(entry, left, b0); b8 = Vector256.MultiplyAddEstimate(entry, right, b8);
            entry = Vector256.Create(a[14]); c0 = Vector256.MultiplyAddEstimate(entry, left, c0); c8 = Vector256.MultiplyAddEstimate(entry, right, c8);
            entry = Vector256.Create(a[15]); d0 = Vector256.MultiplyAddEstimate(entry, left, d0); d8 = Vector256.MultiplyAddEstimate(entry, right, d8);
            entry = Vector256.Create(a[16]); e0 = Vector256.MultiplyAddEstimate(entry, left, e0); e8 = Vector256.MultiplyAddEstimate(entry, right, e8);
            entry = Vector256.Create(a[17]); f0 = Vector256.MultiplyAddEstimate(entry, left, f0); f8 = Vector256.MultiplyAddEstimate(entry, right, f8);
            left = Vector256.Load(b + 48); right = Vector256.Load(b + 56);
            entry = Vector256.Create(a[18]); a0 = Vector256.MultiplyAddEstimate(entry, left, a0); a8 = Vector256.MultiplyAddEstimate(entry, right, a8);
            entry = Vector256.Create(a[19]); b0 = Vector256.MultiplyAddEstimate(entry, left, b0); b8 = Vector256.MultiplyAddEstimate(entry, right, b8);
            entry = Vector256.Create(a[20]); c0 = Vector256.MultiplyAddEstimate(entry, left, c0); c8 = Vector256.MultiplyAddEstimate(entry, right, c8);
            entry = Vector256.Create(a[21]); d0 = Vector256.MultiplyAddEstimate(entry, left, d0); d8 = Vector256.MultiplyAddEstimate(entry, right, d8);
            entry = Vector256.Create(a[22]); e0 = Vector256.MultiplyAddEstimate(entry, left, e0); e8 = Vector256.MultiplyAddEstimate(entry, right, e8);
            entry = Vector256.Create(a[23]); f0 = Vector256.MultiplyAddEstimate(entry, left, f0); f8 = Vector256.MultiplyAddEstimate(entry, right, f8);
        }

        for (var rest = steps % 4; rest > 0; rest--, a += PanelProduct.TileRows, b += PanelProduct.TileColumns)
        {
            left = Vector256.Load(b); right = Vector256.Load(b + 8);
            entry = Vector256.Create(a[0]); a0 = Vector256.MultiplyAddEstimate(entry, left, a0); a8 = Vector256.MultiplyAddEstimate(entry, right, a8);
            entry = Vector256.Create(a[1]); b0 = Vector256.MultiplyAddEstimate(entry, left, b0); b8 = Vector256.MultiplyAddEstimate(entry, right, b8);
            entry = Vector256.Create(a[2]); c0 = Vector256.MultiplyAddEstimate(entry, left, c0); c8 = Vector256.MultiplyAddEstimate(entry, right, c8);
            entry = Vector256.Create(a[3]); d0 = Vector256.MultiplyAddEstimate(entry, left, d0); d8 = Vector256.MultiplyAddEstimate(entry, right, d8);
            entry = Vector256.Create(a[4]); e0 = Vector256.MultiplyAddEstimate(entry, left, e0); e8 = Vector256.MultiplyAddEstimate(entry, right, e8);
            entry = Vector256.Create(a[5]); f0 = Vector256.MultiplyAddEstimate(entry, left, f0); f8 = Vector256.MultiplyAddEstimate(entry, right, f8);
        }

        Take(y, row, column, a0, a8, in start);
        Take(y + stride, row + 1, column, b0, b8, in start);
        Take(y + (2 * stride), row + 2, column, c0, c8, in start);
        Take(y + (3 * stride), row + 3, column, d0, d8, in start);
        Take(y + (4 * stride), row + 4, column, e0, e8, in start);
        Take(y + (5 * stride), row + 5, column, f0, f8, in start);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Take<TStart>(float* y, int row, int column, Vector256<float> left, Vector256<float> right, in TStart start)
        where TStart : struct, IProductStart
    {
        (start.At(row, column) + left).Store(y);
        (start.At(row, column + 8) + right).Store(y + 8);
    }
}
