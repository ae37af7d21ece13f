using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Marrow.Kernels.Memory;
using Marrow.Kernels.Threading;
using Marrow.Kernels.Vectors;
using static TorchSharp.torch;

namespace Marrow.Kernels.Quantizers;

/// <summary>Activations to int8 codes: <c>round(clip((x + before) / S, low, high)) − offset</c>.</summary>
internal unsafe struct QuantizeKernel : IRangeKernel
{
    private int columns, steps, offset;
    private IntegerRange range;
    private float* x;
    private float* step;
    private float* before;
    private sbyte* stored;
    private bool* isFaulty;

    /// <summary>Quantizes x; false if there is a NaN, which has no code.</summary>
    public static bool Run(Tensor x, Tensor step, Tensor? before, IntegerRange range, int offset, Tensor stored)
    {
        var faulty = false;
        var kernel = new QuantizeKernel
        {
            columns = (int)x.size(1),
            steps = (int)step.numel(),
            offset = offset,
            range = range,
            x = x.Floats(),
            step = step.Floats(),
            before = before is null ? null : before.Floats(),
            stored = stored.SignedBytes(),
            isFaulty = &faulty,
        };
        ThreadTeam.Run(ref kernel, (int)x.size(0), x.numel());
        return !faulty;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run(int first, int end, int part)
    {
        // Locals, because fields are reloaded after every store.
        var (width, numbers, zero) = (columns, Vector256<float>.AllBitsSet, Vector256.Create((float)offset));
        var (low, high) = (Vector256.Create((float)range.Low), Vector256.Create((float)range.High));
        var shift = before;
        for (var row = first; row < end; row++)
        {
            var source = x + ((long)row * width);
            var target = stored + ((long)row * width);
            var s = LsqKernels.Usable(step[row % steps]);
            var (each, column) = (Vector256.Create(s), 0);
            for (; column <= width - Lanes.Count; column += Lanes.Count)
            {
                var value = Vector256.Load(source + column);
                if (shift != null)
                {
                    value += Vector256.Load(shift + column);
                }

                var ratio = value / each;
                numbers &= Vector256.Equals(ratio, ratio);
                Lanes.Store(Vector256.Round(Vector256.MinNative(high, Vector256.MaxNative(low, ratio))) - zero,
                    target + column);
            }

            for (; column < width; column++)
            {
                var ratio = (source[column] + (shift == null ? 0 : shift[column])) / s;
                if (float.IsNaN(ratio))
                {
                    *isFaulty = true;
                }

                target[column] = (sbyte)(MathF.Round(Math.Clamp(ratio, range.Low, range.High)) - offset);
            }
        }

        if (!Vector256.EqualsAll(numbers.AsInt32(), Vector256<int>.AllBitsSet))
        {
            *isFaulty = true;
        }
    }
}
