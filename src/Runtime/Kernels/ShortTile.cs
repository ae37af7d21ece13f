using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Marrow.Kernels;

/// <summary>
/// In integers of 16 bits: a step is a pair of them, and its two products are added in one instruction, exactly in 32 bits. Two entries of a line
/// so take 32 instructions, where <see cref="FloatTile"/> has 40. Written out like that one.
/// </summary>
/// <param name="scale">What one is worth in each row of the product; rows may be missing from its last tile, their scales may not.</param>
internal readonly unsafe struct ShortTile(float* scale) : IProductTile
{
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public void Multiply<TStart>(float* a, float* b, int steps, float* y, long stride, int row, int column, in TStart start)
        where TStart : struct, IProductStart
    {
        Vector256<int> a0 = default, a8 = default, b0 = default, b8 = default, c0 = default, c8 = default;
        Vector256<int> d0 = default, d8 = default, e0 = default, e8 = default, f0 = default, f8 = default;
        Vector256<short> left, right, pair;
        for (var fours = steps / 4; fours > 0; fours--, a += 4 * PanelProduct.TileRows, b += 4 * PanelProduct.TileColumns)
        {
            left = Vector256.Load(b).AsInt16(); right = Vector256.Load(b + 8).AsInt16();
            pair = Vector256.Create(a[0]).AsInt16(); a0 += Avx2.MultiplyAddAdjacent(pair, left); a8 += Avx2.MultiplyAddAdjacent(pair, right);
            pair = Vector256.Create(a[1]).AsInt16(); b0 += Avx2.MultiplyAddAdjacent(pair, left); b8 += Avx2.MultiplyAddAdjacent(pair, right);
            pair = Vector256.Create(a[2]).AsInt16(); c0 += Avx2.MultiplyAddAdjacent(pair, left); c8 += Avx2.MultiplyAddAdjacent(pair, right);
            pair = Vector256.Create(a[3]).AsInt16(); d0 += Avx2.MultiplyAddAdjacent(pair, left); d8 += Avx2.MultiplyAddAdjacent(pair, right);
            pair = Vector256.Create(a[4]).AsInt16(); e0 += Avx2.MultiplyAddAdjacent(pair, left); e8 += Avx2.MultiplyAddAdjacent(pair, right);
            pair = Vector256.Create(a[5]).AsInt16(); f0 += Avx2.MultiplyAddAdjacent(pair, left); f8 += Avx2.MultiplyAddAdjacent(pair, right);
            left = Vector256.Load(b + 16).AsInt16(); right = Vector256.Load(b + 24).AsInt16();
            pair = Vector256.Create(a[6]).AsInt16(); a0 += Avx2.MultiplyAddAdjacent(pair, left); a8 += Avx2.MultiplyAddAdjacent(pair, right);
            pair = Vector256.Create(a[7]).AsInt16(); b0 += Avx2.MultiplyAddAdjacent(pair, left); b8 += Avx2.MultiplyAddAdjacent(pair, right);
            pair = Vector256.Create(a[8]).AsInt16(); c0 += Avx2.MultiplyAddAdjacent(pair, left); c8 += Avx2.MultiplyAddAdjacent(pair, right);
            pair = Vector256.Create(a[9]).AsInt16(); d0 += Avx2.MultiplyAddAdjacent(pair, left); d8 += Avx2.MultiplyAddAdjacent(pair, right);
            pair = Vector256.Create(a[10]).AsInt16(); e0 += Avx2.MultiplyAddAdjacent(pair, left); e8 += Avx2.MultiplyAddAdjacent(pair, right);
            pair = Vector256.Create(a[11]).AsInt16(); f0 += Avx2.MultiplyAddAdjacent(pair, left); f8 += Avx2.MultiplyAddAdjacent(pair, right);
            left = Vector256.Load(b + 32).AsInt16(); right = Vector256.Load(b + 40).AsInt16();
            pair = Vector256.Create(a[12]).AsInt16(); a0 += Avx2.MultiplyAddAdjacent(pair, left); a8 += Avx2.MultiplyAddAdjacent(pair, right);
            pair = Vector256.Create(a[13]).AsInt16(); b0 += Avx2.MultiplyAddAdjacent(pair, left); b8 += Avx2.MultiplyAddAdjacent(pair, right);
            pair = Vector256.Create(a[14]).AsInt16(); c0 += Avx2.MultiplyAddAdjacent(pair, left); c8 += Avx2.MultiplyAddAdjacent(pair, right);
            pair = Vector256.Create(a[15]).AsInt16(); d0 += Avx2.MultiplyAddAdjacent(pair, left); d8 += Avx2.MultiplyAddAdjacent(pair, right);
            pair = Vector256.Create(a[16]).AsInt16(); e0 += Avx2.MultiplyAddAdjacent(pair, left); e8 += Avx2.MultiplyAddAdjacent(pair, right);
            pair = Vector256.Create(a[17]).AsInt16(); f0 += Avx2.MultiplyAddAdjacent(pair, left); f8 += Avx2.MultiplyAddAdjacent(pair, right);
            left = Vector256.Load(b + 48).AsInt16(); right = Vector256.Load(b + 56).AsInt16();
            pair = Vector256.Create(a[18]).AsInt16(); a0 += Avx2.MultiplyAddAdjacent(pair, left); a8 += Avx2.MultiplyAddAdjacent(pair, right);
            pair = Vector256.Create(a[19]).AsInt16(); b0 += Avx2.MultiplyAddAdjacent(pair, left); b8 += Avx2.MultiplyAddAdjacent(pair, right);
            pair = Vector256.Create(a[20]).AsInt16(); c0 += Avx2.MultiplyAddAdjacent(pair, left); c8 += Avx2.MultiplyAddAdjacent(pair, right);
            pair = Vector256.Create(a[21]).AsInt16(); d0 += Avx2.MultiplyAddAdjacent(pair, left); d8 += Avx2.MultiplyAddAdjacent(pair, right);
            pair = Vector256.Create(a[22]).AsInt16(); e0 += Avx2.MultiplyAddAdjacent(pair, left); e8 += Avx2.MultiplyAddAdjacent(pair, right);
            pair = Vector256.Create(a[23]).AsInt16(); f0 += Avx2.MultiplyAddAdjacent(pair, left); f8 += Avx2.MultiplyAddAdjacent(pair, right);
        }

        for (var rest = steps % 4; rest > 0; rest--, a += PanelProduct.TileRows, b += PanelProduct.TileColumns)
        {
            left = Vector256.Load(b).AsInt16(); right = Vector256.Load(b + 8).AsInt16();
            pair = Vector256.Create(a[0]).AsInt16(); a0 += Avx2.MultiplyAddAdjacent(pair, left); a8 += Avx2.MultiplyAddAdjacent(pair, right);
            pair = Vector256.Create(a[1]).AsInt16(); b0 += Avx2.MultiplyAddAdjacent(pair, left); b8 += Avx2.MultiplyAddAdjacent(pair, right);
            pair = Vector256.Create(a[2]).AsInt16(); c0 += Avx2.MultiplyAddAdjacent(pair, left); c8 += Avx2.MultiplyAddAdjacent(pair, right);
            pair = Vector256.Create(a[3]).AsInt16(); d0 += Avx2.MultiplyAddAdjacent(pair, left); d8 += Avx2.MultiplyAddAdjacent(pair, right);
            pair = Vector256.Create(a[4]).AsInt16(); e0 += Avx2.MultiplyAddAdjacent(pair, left); e8 += Avx2.MultiplyAddAdjacent(pair, right);
            pair = Vector256.Create(a[5]).AsInt16(); f0 += Avx2.MultiplyAddAdjacent(pair, left); f8 += Avx2.MultiplyAddAdjacent(pair, right);
        }

        Take(y, row, column, a0, a8, in start);
        Take(y + stride, row + 1, column, b0, b8, in start);
        Take(y + (2 * stride), row + 2, column, c0, c8, in start);
        Take(y + (3 * stride), row + 3, column, d0, d8, in start);
        Take(y + (4 * stride), row + 4, column, e0, e8, in start);
        Take(y + (5 * stride), row + 5, column, f0, f8, in start);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Take<TStart>(float* y, int row, int column, Vector256<int> left, Vector256<int> right, in TStart start)
        where TStart : struct, IProductStart
    {
        var one = Vector256.Create(scale[row]);
        Vector256.MultiplyAddEstimate(Vector256.ConvertToSingle(left), one, start.At(row, column)).Store(y);
        Vector256.MultiplyAddEstimate(Vector256.ConvertToSingle(right), one, start.At(row, column + 8)).Store(y + 8);
    }
}
