using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Marrow.Autograd;
using Marrow.Kernels;
using static TorchSharp.torch;

namespace Marrow.Quantization;

/// <summary>
/// The products of a quantized linear layer's backward in bfloat16. Levels are exact in it, only gradients are rounded:
/// <c>dx̂ = (dy ∘ ws) p</c>, <c>dŴ = (dy ∘ S)ᵀ q + db ⊗ after</c>. The error is about 3e-3 of the largest entry. On processors
/// without bfloat16 instructions, where libtorch would convert and take several times as long, they are <see cref="ShortGradients"/>
/// where these apply, else float32.
/// </summary>
public static class Bfloat16Backward
{
    /// <summary>Whether the processor multiplies bfloat16: AVX512_BF16 or AMX_BF16.</summary>
    internal static bool HasInstructions { get; } = X86Base.IsSupported
        && ((X86Base.CpuId(7, 1).Eax & (1 << 5)) != 0 || (X86Base.CpuId(7, 0).Edx & (1 << 22)) != 0);

    /// <summary>The gradients.</summary>
    /// <param name="dy">[n, out].</param>
    /// <param name="x">q [n, in].</param>
    /// <param name="weight">p [out, in] and ws.</param>
    /// <param name="step">S.</param>
    /// <param name="after">The shift after, [in].</param>
    /// <returns>Gradients of x̂ [n, in], of Ŵ [out, in], and of the bias [out], in the type of dy.</returns>
    public static (Tensor Input, Tensor Weight, Tensor Bias) Products(
        Tensor dy, ActivationLevels x, WeightLevels weight, Tensor step, Tensor after)
    {
        using var scope = NewDisposeScope();
        if (dy.device_type != TorchSharp.DeviceType.CPU || HasInstructions)
        {
            return Moved(Rounded(dy, x, weight, step, after));
        }

        var products = ShortGradients.Suit(dy, x, weight, step, after) ? ShortGradients.Products(dy, x, weight, step, after) : null;
        return Moved(products ?? (weight.InputGradient(dy), x.WeightGradient(dy, step, after), BiasGradient.Of(dy)));

        (Tensor Input, Tensor Weight, Tensor Bias) Moved((Tensor, Tensor, Tensor) all) => scope.MoveToOuter(all.Item1, all.Item2, all.Item3);
    }

    /// <summary>The products in bfloat16, whatever the processor.</summary>
    internal static (Tensor Input, Tensor Weight, Tensor Bias) Rounded(
        Tensor dy, ActivationLevels x, WeightLevels weight, Tensor step, Tensor after)
    {
        var (byWeight, byStep, bias) = Scale(dy, weight.Scale, step);
        var p = weight.Stored.to(ScalarType.BFloat16);
        if (weight.IsHalved)
        {
            p.mul_(2).add_(1);
        }

        var q = x.Stored.to(ScalarType.BFloat16);
        if (x.Offset != 0)
        {
            q.add_(x.Offset);
        }

        var input = byWeight.mm(p).to(dy.dtype);
        var weightGradient = byStep.t().mm(q).to(dy.dtype).addr_(bias, after);
        return (input, weightGradient, bias);
    }

    /// <summary>dy ∘ ws and dy ∘ S in bfloat16, and Σ dy, in one pass.</summary>
    private static unsafe (Tensor ByWeight, Tensor ByStep, Tensor Bias) Scale(Tensor dy, Tensor weightScale, Tensor step)
    {
        if (dy.dtype != ScalarType.Float32 || dy.device_type != TorchSharp.DeviceType.CPU || weightScale.dtype != ScalarType.Float32)
        {
            var positions = (ActivationLevels.Positions(dy, step) * ActivationLevels.Floor(step)).view(dy.shape);
            return ((dy * weightScale).to(ScalarType.BFloat16), positions.to(ScalarType.BFloat16), dy.sum([0]));
        }

        var (rows, columns) = (dy.size(0), dy.size(1));
        var byWeight = empty([rows, columns], dtype: ScalarType.BFloat16);
        var byStep = empty([rows, columns], dtype: ScalarType.BFloat16);
        using var sums = new PartialSums(ThreadTeam.Parts((int)rows, dy.numel()), columns);
        var kernel = new Kernel
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

    private unsafe struct Kernel : IRangeKernel
    {
        public int Columns, Steps;
        public float* Dy;
        public float* WeightScale;
        public float* Step;
        public ushort* ByWeight;
        public ushort* ByStep;
        public PartialSums Sums;

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

        // To the nearest, halves to even: half of the last kept bit is added, a little less where that bit is even.
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
}
