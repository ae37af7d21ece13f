using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Marrow.Kernels;
using static TorchSharp.torch;

namespace Marrow.Quantization;

/// <summary>c_o, and Σ_k of each row's stored levels where activations are stored with an offset.</summary>
internal sealed record WeightSums(Tensor Offsets, Tensor? Levels) : IDisposable
{
    /// <summary>Out of every dispose scope.</summary>
    public WeightSums Detached()
    {
        Offsets.DetachFromDisposeScope();
        Levels?.DetachFromDisposeScope();
        return this;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Offsets.Dispose();
        Levels?.Dispose();
    }
}

/// <summary>
/// The product of quantized activations and weights. Both are small integers times scales, so it is an exact product of
/// 8-bit integers and one pass that scales it.
/// </summary>
public static class IntegerProduct
{
    /// <summary>
    /// <c>y = x̂ Ŵᵀ + bias</c> with x̂ = S q + after and Ŵ = ws p:
    /// <c>y[t,o] = S_t ws_o (q pᵀ)[t,o] + c_o</c>, <c>c_o = bias_o + ws_o Σ_k after_k p[o,k]</c>.
    /// With stored q − z and halved p = 2u + 1, <c>q pᵀ = 2 (stored uᵀ + z Σu) + Σ_k stored + z K</c>.
    /// </summary>
    /// <param name="x">q [n, in].</param>
    /// <param name="weight">p [out, in] and ws.</param>
    /// <param name="step">S, [N] with N a divisor of n, or [1].</param>
    /// <param name="after">[in], or null.</param>
    /// <param name="bias">[out], or null.</param>
    /// <returns>y [n, out], in the type of the steps.</returns>
    public static Tensor Linear(ActivationLevels x, WeightLevels weight, Tensor step, Tensor? after, Tensor? bias)
    {
        if (x.Stored.device_type != TorchSharp.DeviceType.CPU || step.dtype != ScalarType.Float32)
        {
            using var scope = NewDisposeScope();
            return scope.MoveToOuter(nn.functional.linear(x.Dequantize(step, after), weight.Dequantize(), bias));
        }

        using var sums = Sums(weight, after, bias, x.Offset != 0);
        using var storedSums = weight.IsHalved ? x.Stored.sum([1], type: ScalarType.Int32) : null;
        var y = empty([x.Stored.shape[0], weight.Stored.shape[0]], dtype: ScalarType.Float32);
        var scaled = new ScaledRows(x, step, weight.Scale, storedSums, sums, y);
        IntegerGemm.Multiply(x.Stored, weight.Stored, ref scaled);
        return y;
    }

    /// <summary>The same for a packed weight and few rows, whose levels are unpacked on the way.</summary>
    /// <param name="x">q [n, in].</param>
    /// <param name="weight">The weight; <see cref="PackedKernels.SuitIntegers"/>.</param>
    /// <param name="step">S.</param>
    /// <param name="sums">Of this weight, with <c>after</c> and bias.</param>
    internal static Tensor Linear(ActivationLevels x, PackedWeight weight, Tensor step, WeightSums sums)
    {
        var y = empty([x.Stored.shape[0], weight.Scale.shape[0]], dtype: ScalarType.Float32);
        using var product = PackedKernels.Multiply(x.Stored, weight);
        var scaled = new ScaledRows(x, step, weight.Scale, storedSums: null, sums, y);
        IntegerGemm.Hand(product, first: 0, ref scaled);
        return y;
    }

    /// <summary>What of the product depends on the weight alone.</summary>
    internal static WeightSums Sums(WeightLevels weight, Tensor? after, Tensor? bias, bool hasOffset) =>
        new(Offsets(weight, after, bias), hasOffset ? weight.Stored.sum([1], type: ScalarType.Int32) : null);

    /// <summary>c_o.</summary>
    private static unsafe Tensor Offsets(WeightLevels weight, Tensor? after, Tensor? bias)
    {
        var outputs = weight.Stored.shape[0];
        var offsets = empty(outputs, dtype: ScalarType.Float32);
        var kernel = new OffsetKernel
        {
            Inner = (int)weight.Stored.shape[1],
            IsHalved = weight.IsHalved,
            Levels = weight.Stored.SignedBytes(),
            WeightScale = weight.Scale.Floats(),
            After = after is null ? null : after.Floats(),
            Bias = bias is null ? null : bias.Floats(),
            Offsets = offsets.Floats(),
        };
        ThreadTeam.Run(ref kernel, (int)outputs, after is null ? outputs : weight.Stored.numel());
        return offsets;
    }

    private unsafe struct OffsetKernel : IRangeKernel
    {
        public int Inner;
        public bool IsHalved;
        public sbyte* Levels;
        public float* WeightScale;
        public float* After;
        public float* Bias;
        public float* Offsets;

        public readonly void Run(int first, int end, int part)
        {
            for (var row = first; row < end; row++)
            {
                var sum = 0f;
                if (After != null)
                {
                    var levels = Levels + ((long)row * Inner);
                    var (lanes, column) = (Vector256<float>.Zero, 0);
                    for (; column <= Inner - Lanes.Count; column += Lanes.Count)
                    {
                        var p = Lanes.Load(levels + column);
                        lanes += Vector256.Load(After + column) * (IsHalved ? p + p + Vector256<float>.One : p);
                    }

                    sum = Vector256.Sum(lanes);
                    for (; column < Inner; column++)
                    {
                        sum += After[column] * (IsHalved ? (2 * levels[column]) + 1 : levels[column]);
                    }
                }

                Offsets[row] = (WeightScale[row] * sum) + (Bias == null ? 0 : Bias[row]);
            }
        }
    }

    /// <summary>y from the integers, row by row.</summary>
    private readonly unsafe struct ScaledRows(ActivationLevels x, Tensor step, Tensor weightScale, Tensor? storedSums, WeightSums sums, Tensor y) : IProductRows
    {
        private readonly int columns = (int)y.shape[1], inner = (int)x.Stored.shape[1], steps = (int)step.numel(), zero = x.Offset;
        private readonly float* target = y.Floats(), step = step.Floats(), scales = weightScale.Floats(), offsets = sums.Offsets.Floats();
        private readonly int* levelSums = sums.Levels is null ? null : sums.Levels.Integers();
        private readonly int* storedSums = storedSums is null ? null : storedSums.Integers();

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Take(int row, int first, int count, int* product)
        {
            // Copies: fields would be read again after every store.
            float* values = target + ((long)row * columns) + first, scale = scales + first, offset = offsets + first;
            var s = MathF.Max(step[row % steps], (float)Lsq.LeastStep);
            var column = 0;
            if (zero == 0 && storedSums == null)
            {
                for (var each = Vector256.Create(s); column <= count - Lanes.Count; column += Lanes.Count)
                {
                    var whole = Vector256.ConvertToSingle(Vector256.Load(product + column));
                    Vector256.FusedMultiplyAdd(whole, Vector256.Load(scale + column) * each, Vector256.Load(offset + column)).Store(values + column);
                }
            }

            for (; column < count; column++)
            {
                // Corrections stay integers, and wide ones: 255 · 255 · 33,000 is beyond 32 bits.
                long whole = product[column] + (zero == 0 ? 0L : (long)zero * levelSums[first + column]);
                if (storedSums != null)
                {
                    whole = (2 * whole) + storedSums[row] + ((long)zero * inner);
                }

                values[column] = (whole * (s * scale[column])) + offset[column];
            }
        }
    }
}
