using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Marrow.Kernels.IntegerGemm;
using Marrow.Kernels.Vectors;

namespace Marrow.Kernels.Attention;

/// <summary>The integer products of QKR's logits: one for each image and head.</summary>
internal unsafe struct QkrLogitBatch : IInt8Batch<QkrLogitEpilogue>
{
    public long Heads, N, D;
    public sbyte* Q, R;
    public float* Step, ZStep, Row, Column, Y;

    public readonly sbyte* Left(int item) => Q + (item / Heads * N * D);

    public readonly sbyte* Right(int item, out long stride)
    {
        stride = Heads * D;
        return R + (((item / Heads * N * Heads) + (item % Heads)) * D);
    }

    public readonly QkrLogitEpilogue Epilogue(int item) => new(
        Step, Row + (item * N), ZStep + (item % Heads * N), Column + (item * N), Y + (item * N * N), N);
}

/// <summary><c>y[n, m] = (s S_n) S′_m (q · r) + row[n] + column[m]</c>.</summary>
internal readonly unsafe struct QkrLogitEpilogue(
    float* step, float* ofRows, float* zStep, float* columns, float* y, long n) : IGemmEpilogue
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Store(int row, int rows, int first, int count, int* product, int stride)
    {
        for (var end = row + rows; row < end; row++, product += stride)
        {
            float* target = y + (row * n) + first, scales = zStep + first, added = columns + first;
            var (scale, own, column) = (step[row], ofRows[row], 0);
            for (; column <= count - Lanes.Count; column += Lanes.Count)
            {
                var whole = Vector256.ConvertToSingle(Vector256.Load(product + column)) * scale;
                (Vector256.FusedMultiplyAdd(whole, Vector256.Load(scales + column), Vector256.Load(added + column))
                    + Vector256.Create(own)).Store(target + column);
            }

            for (; column < count; column++)
            {
                target[column] = (product[column] * scale * scales[column]) + added[column] + own;
            }
        }
    }
}
