using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Marrow.Kernels.Memory;
using Marrow.Kernels.Vectors;
using static TorchSharp.torch;

namespace Marrow.Kernels.Reductions;

/// <summary>
/// Partial column sums, one row for each part of a kernel's work, added in order so that results are reproducible. The
/// default value stands for a sum that is not needed.
/// </summary>
/// <param name="parts">Number of parts.</param>
/// <param name="columns">Columns.</param>
internal readonly unsafe struct PartialSums(int parts, long columns) : IDisposable
{
    private readonly int columns = (int)columns;

    /// <summary>[parts, columns], uninitialized; null for the default value.</summary>
    public float* Values { get; } = (float*)NativeMemory.AlignedAlloc((nuint)(parts * columns * sizeof(float)), 64);

    /// <summary>Clears and returns the sums of a part; once for each part.</summary>
    public float* Begin(int part)
    {
        if (Values == null)
        {
            return null;
        }

        var own = Values + ((long)part * columns);
        new Span<float>(own, columns).Clear();
        return own;
    }

    /// <summary>Total [columns], accumulated in float64, times a factor.</summary>
    public Tensor Total(double factor = 1)
    {
        var total = empty(columns, dtype: ScalarType.Float32);
        var target = total.Floats();
        var column = 0;
        for (; column <= columns - Lanes.Count; column += Lanes.Count)
        {
            var (low, high) = (Vector256<double>.Zero, Vector256<double>.Zero);
            for (var part = 0; part < parts; part++)
            {
                var (lower, upper) = Vector256.Widen(Vector256.Load(Values + ((long)part * columns) + column));
                (low, high) = (low + lower, high + upper);
            }

            Vector256.Narrow(low * factor, high * factor).Store(target + column);
        }

        for (; column < columns; column++)
        {
            var sum = 0.0;
            for (var part = 0; part < parts; part++)
            {
                sum += Values[((long)part * columns) + column];
            }

            target[column] = (float)(sum * factor);
        }

        return total;
    }

    public void Dispose() => NativeMemory.AlignedFree(Values);
}
