using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Marrow.Autograd;
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
        var y = empty([x.Stored.size(0), weight.Stored.size(0)], dtype: ScalarType.Float32);
        var scaled = new ScaledRows(x, step, weight.Scale, storedSums, sums, y);
        IntegerGemm.Multiply(x.Stored, x.Span, weight.Stored, weight.Span, ref scaled);
        MatrixProduct.Keep(step, weight.Scale);
        return y;
    }

    /// <summary>The same for a packed weight and few rows, whose levels are unpacked on the way.</summary>
    /// <param name="x">q [n, in].</param>
    /// <param name="weight">The weight; <see cref="PackedKernels.SuitIntegers"/>.</param>
    /// <param name="step">S.</param>
    /// <param name="sums">Of this weight, with <c>after</c> and bias.</param>
    internal static Tensor Linear(ActivationLevels x, PackedWeight weight, Tensor step, WeightSums sums)
    {
        var y = empty([x.Stored.size(0), weight.Scale.size(0)], dtype: ScalarType.Float32);
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
        var outputs = weight.Stored.size(0);
        var offsets = empty(outputs, dtype: ScalarType.Float32);
        var kernel = new OffsetKernel
        {
            Inner = (int)weight.Stored.size(1),
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

    /// <summary>y from the integers.</summary>
    private readonly unsafe struct ScaledRows(ActivationLevels x, Tensor step, Tensor weightScale, Tensor? storedSums, WeightSums sums, Tensor y) : IProductRows
    {
        // Columns that share the loads of their scales and offsets among rows.
        private const int Block = 4 * Lanes.Count;

        private readonly int columns = (int)y.size(1), inner = (int)x.Stored.size(1), steps = (int)step.numel(), zero = x.Offset;
        private readonly float* target = y.Floats(), step = step.Floats(), scales = weightScale.Floats(), offsets = sums.Offsets.Floats();
        private readonly int* levelSums = sums.Levels is null ? null : sums.Levels.Integers();
        private readonly int* storedSums = storedSums is null ? null : storedSums.Integers();

        private bool IsPlain => zero == 0 && storedSums == null;

        public void Take(int row, int rows, int first, int count, int* product, int stride)
        {
            var column = 0;
            for (; IsPlain && column <= count - Block; column += Block)
            {
                TakeBlock(row, rows, first + column, product + column, stride);
            }

            for (var r = 0; r < rows && column < count; r++)
            {
                TakeRow(row + r, first + column, count - column, product + ((long)r * stride) + column);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void TakeBlock(int row, int rows, int first, int* product, int stride)
        {
            float* scale = scales + first, offset = offsets + first, values = target + ((long)row * columns) + first;
            var (scale0, scale1) = (Vector256.Load(scale), Vector256.Load(scale + Lanes.Count));
            var (scale2, scale3) = (Vector256.Load(scale + (2 * Lanes.Count)), Vector256.Load(scale + (3 * Lanes.Count)));
            var (offset0, offset1) = (Vector256.Load(offset), Vector256.Load(offset + Lanes.Count));
            var (offset2, offset3) = (Vector256.Load(offset + (2 * Lanes.Count)), Vector256.Load(offset + (3 * Lanes.Count)));
            // Copies: fields would be read again after every store.
            var each = step;
            var (at, count, next) = (row % steps, steps, columns);
            var least = Vector256.Create((float)Lsq.LeastStep);
            for (var r = 0; r < rows; r++, product += stride, values += next)
            {
                var s = Vector256.Max(Vector256.Create(each[at]), least);
                Scaled(product, s * scale0, offset0).Store(values);
                Scaled(product + Lanes.Count, s * scale1, offset1).Store(values + Lanes.Count);
                Scaled(product + (2 * Lanes.Count), s * scale2, offset2).Store(values + (2 * Lanes.Count));
                Scaled(product + (3 * Lanes.Count), s * scale3, offset3).Store(values + (3 * Lanes.Count));
                at = at + 1 == count ? 0 : at + 1;
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Vector256<float> Scaled(int* product, Vector256<float> scale, Vector256<float> offset) =>
            Vector256.FusedMultiplyAdd(Vector256.ConvertToSingle(Vector256.Load(product)), scale, offset);

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void TakeRow(int row, int first, int count, int* product)
        {
            float* values = target + ((long)row * columns) + first, scale = scales + first, offset = offsets + first;
            var s = LsqKernels.Usable(step[row % steps]);
            var column = 0;
            for (var each = Vector256.Create(s); IsPlain && column <= count - Lanes.Count; column += Lanes.Count)
            {
                Scaled(product + column, each * Vector256.Load(scale + column), Vector256.Load(offset + column)).Store(values + column);
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
