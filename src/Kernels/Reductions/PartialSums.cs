using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Marrow.Kernels.Memory;
using Marrow.Kernels.Vectors;
using static TorchSharp.torch;

namespace Marrow.Kernels.Reductions;

/// <summary>
/// Sums over rows (or their largest), kept apart for each part of a kernel's work and added in order, so that they do not depend on timing. The default has no
/// columns: a sum that nobody wants.
/// </summary>
/// <param name="parts">How many parts there are.</param>
/// <param name="columns">Columns of each.</param>
internal readonly unsafe struct PartialSums(int parts, long columns) : IDisposable
{
    private readonly int columns = (int)columns;

    /// <summary>[parts, columns], of any values at first; null for the default.</summary>
    public float* Values { get; } = (float*)NativeMemory.AlignedAlloc((nuint)(parts * columns * sizeof(float)), 64);

    /// <summary>The sums of a part, zero at first. A part begins once.</summary>
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

    /// <summary>The sums of all parts, [columns], added in float64, times a factor.</summary>
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
