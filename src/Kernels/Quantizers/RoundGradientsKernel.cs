using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Marrow.Kernels.Memory;
using Marrow.Kernels.Reductions;
using Marrow.Kernels.Threading;
using Marrow.Kernels.Vectors;
using static TorchSharp.torch;

namespace Marrow.Kernels.Quantizers;

/// <summary><c>dy ∘ ws</c> and <c>dy ∘ S</c> rounded to bfloat16, and Σ dy, in one pass over dy.</summary>
internal unsafe struct RoundGradientsKernel : IRangeKernel
{
    public int Columns, Steps;
    public float* Dy;
    public float* WeightScale;
    public float* Step;
    public ushort* ByWeight;
    public ushort* ByStep;
    public PartialSums Sums;

    /// <summary>dy ∘ ws and dy ∘ S in bfloat16, and Σ dy.</summary>
    public static (Tensor ByWeight, Tensor ByStep, Tensor Bias) Run(Tensor dy, Tensor weightScale, Tensor step)
    {
        var (rows, columns) = (dy.size(0), dy.size(1));
        var byWeight = empty([rows, columns], dtype: ScalarType.BFloat16);
        var byStep = empty([rows, columns], dtype: ScalarType.BFloat16);
        using var sums = new PartialSums(ThreadTeam.Parts((int)rows, dy.numel()), columns);
        var kernel = new RoundGradientsKernel
        {
            Columns = (int)columns,
            Steps = (int)step.numel(),
            Dy = dy.Floats(),
            WeightScale = weightScale.Floats(),
            Step = step.Floats(),
            ByWeight = byWeight.Bfloat16(),
            ByStep = byStep.Bfloat16(),
            Sums = sums,
        };
        ThreadTeam.Run(ref kernel, (int)rows, dy.numel());
        return (byWeight, byStep, sums.Total());
    }

    public readonly void Run(int first, int end, int part)
    {
        var sums = Sums.Begin(part);
        for (var row = first; row < end; row++)
        {
            var offset = (long)row * Columns;
            var s = LsqKernels.Usable(Step[row % Steps]);
            var column = 0;
            for (; column <= Columns - Lanes.Count; column += Lanes.Count)
            {
                var dy = Vector256.Load(Dy + offset + column);
                (Vector256.Load(sums + column) + dy).Store(sums + column);
                Store(dy * Vector256.Load(WeightScale + column), ByWeight + offset + column);
                Store(dy * s, ByStep + offset + column);
            }

            for (; column < Columns; column++)
            {
                var dy = Dy[offset + column];
                sums[column] += dy;
                ByWeight[offset + column] = Round(BitConverter.SingleToUInt32Bits(dy * WeightScale[column]));
                ByStep[offset + column] = Round(BitConverter.SingleToUInt32Bits(dy * s));
            }
        }
    }

    // Round to nearest, ties to even: add half a unit in the last place, less one bit if that place is even.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ushort Round(uint bits) => (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(Vector256<float> values, ushort* target)
    {
        var bits = values.AsUInt32();
        var rounded = (bits + Vector256.Create(0x7FFFu) + ((bits >>> 16) & Vector256<uint>.One)) >>> 16;
        Vector128.Narrow(rounded.GetLower(), rounded.GetUpper()).Store(target);
    }
}
