using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Marrow.Kernels.Memory;
using Marrow.Kernels.Threading;
using Marrow.Kernels.Vectors;
using static TorchSharp.torch;

namespace Marrow.Kernels.Reductions;

/// <summary>Column sums of a float32 matrix (a bias gradient), reproducible whatever the thread timing.</summary>
internal unsafe struct ColumnSumKernel : IRangeKernel
{
    // Rows per update of the sums, which are loaded and stored once for all of them.
    private const int Together = 4;

    public float* Dy;
    public int Columns;
    public PartialSums Sums;

    /// <summary>Sums over rows, [columns].</summary>
    public static Tensor Run(Tensor dy)
    {
        var (rows, columns) = ((int)dy.size(0), (int)dy.size(1));
        using var sums = new PartialSums(ThreadTeam.Parts(rows, dy.numel()), columns);
        var kernel = new ColumnSumKernel { Dy = dy.Floats(), Columns = columns, Sums = sums };
        ThreadTeam.Run(ref kernel, rows, dy.numel());
        GC.KeepAlive(dy);
        return sums.Total();
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run(int first, int end, int part)
    {
        long columns = Columns;
        float* sums = Sums.Begin(part), dy = Dy + (first * columns);
        var row = first;
        for (; row <= end - Together; row += Together, dy += Together * columns)
        {
            float* second = dy + columns, third = second + columns, fourth = third + columns;
            long column = 0;
            for (; column <= columns - Lanes.Count; column += Lanes.Count)
            {
                var sum = Vector256.Load(dy + column) + Vector256.Load(second + column)
                    + (Vector256.Load(third + column) + Vector256.Load(fourth + column));
                (Vector256.Load(sums + column) + sum).Store(sums + column);
            }

            for (; column < columns; column++)
            {
                sums[column] += dy[column] + second[column] + (third[column] + fourth[column]);
            }
        }

        for (; row < end; row++, dy += columns)
        {
            for (long column = 0; column < columns; column++)
            {
                sums[column] += dy[column];
            }
        }
    }
}
