using System.Runtime.Intrinsics;
using Marrow.Kernels.Memory;
using Marrow.Kernels.Threading;
using Marrow.Kernels.Vectors;
using static TorchSharp.torch;

namespace Marrow.Kernels.Quantizers;

/// <summary>Updates oscillation statistics in one pass; it runs at every step, over every weight.</summary>
internal static unsafe class OscillationKernel
{
    /// <summary>Takes the new codes and returns how many have changed.</summary>
    public static long Update(
        Tensor now, Tensor before, Tensor direction, Tensor frequency, Tensor total, double momentum)
    {
        var count = checked((int)now.numel());
        var parts = ThreadTeam.Parts(count, count);
        var changed = stackalloc long[parts];
        var kernel = new Kernel
        {
            Now = now.SignedBytes(),
            Before = before.SignedBytes(),
            Direction = direction.SignedBytes(),
            Frequency = frequency.Floats(),
            Total = total.Integers(),
            Momentum = (float)momentum,
            Kept = (float)(1 - momentum),
            Changed = changed,
        };
        ThreadTeam.Run(ref kernel, count, count);
        var sum = 0L;
        for (var part = 0; part < parts; part++)
        {
            sum += changed[part];
        }

        return sum;
    }

    private struct Kernel : IRangeKernel
    {
        public sbyte* Now;
        public sbyte* Before;
        public sbyte* Direction;
        public float* Frequency;
        public int* Total;
        public float Momentum, Kept;
        public long* Changed;

        public readonly void Run(int first, int end, int part)
        {
            var (index, changed) = (first, Vector256<int>.Zero);
            var one = Vector256<float>.One;
            for (; index <= end - Lanes.Count; index += Lanes.Count)
            {
                var (now, before, direction) =
                    (Lanes.Load(Now + index), Lanes.Load(Before + index), Lanes.Load(Direction + index));
                var sign = Vector256.Min(Vector256.Max(before - now, -one), one);
                var isSame = Vector256.Equals(sign, Vector256<float>.Zero);
                var hasOscillated = Vector256.LessThan(direction * sign, Vector256<float>.Zero);
                var frequency = Vector256.Load(Frequency + index) * Kept;
                (frequency + (hasOscillated & Vector256.Create(Momentum))).Store(Frequency + index);
                (Vector256.Load(Total + index) - hasOscillated.AsInt32()).Store(Total + index);
                Lanes.Store(Vector256.ConditionalSelect(isSame, direction, sign), Direction + index);
                Lanes.Store(now, Before + index);
                changed += Vector256<int>.One + isSame.AsInt32();
            }

            var rest = 0L;
            for (; index < end; index++)
            {
                var sign = Math.Sign(Before[index] - Now[index]);
                var hasOscillated = Direction[index] * sign < 0;
                Frequency[index] = (Frequency[index] * Kept) + (hasOscillated ? Momentum : 0);
                Total[index] += hasOscillated ? 1 : 0;
                Direction[index] = sign == 0 ? Direction[index] : (sbyte)sign;
                Before[index] = Now[index];
                rest += sign == 0 ? 0 : 1;
            }

            Changed[part] = Vector256.Sum(changed) + rest;
        }
    }
}
