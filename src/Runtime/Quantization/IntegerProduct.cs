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
    private const long RowsAtOnce = 800;

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
        var y = empty([x.Stored.shape[0], weight.Stored.shape[0]], dtype: ScalarType.Float32);

        // A few rows at a time, so that the integers are scaled while they are still in the cache.
        var (rows, columns) = (y.shape[0], y.shape[1]);
        using var products = empty([Math.Min(rows, RowsAtOnce), columns], dtype: ScalarType.Int32);
        for (var first = 0L; first < rows; first += RowsAtOnce)
        {
            var count = Math.Min(RowsAtOnce, rows - first);
            using var part = x.Stored.narrow(0, first, count);
            using var product = products.narrow(0, 0, count);
            IntegerGemm.Multiply(part, weight.Stored, product);
            Scale(product, first, x, step, weight.Scale, weight.IsHalved, sums, y);
        }

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
        Scale(product, 0, x, step, weight.Scale, isHalved: false, sums, y);
        return y;
    }

    /// <summary>What of the product depends on the weight alone.</summary>
    internal static WeightSums Sums(WeightLevels weight, Tensor? after, Tensor? bias, bool hasOffset) =>
        new(Offsets(weight, after, bias), hasOffset ? weight.Stored.sum([1], type: ScalarType.Int32) : null);

    /// <summary>y from the integers.</summary>
    private static unsafe void Scale(
        Tensor product, long firstRow, ActivationLevels x, Tensor step, Tensor scale, bool isHalved, WeightSums sums, Tensor y)
    {
        using var storedSums = isHalved ? x.Stored.sum([1], type: ScalarType.Int32) : null;
        var kernel = new ScaleKernel
        {
            Columns = (int)y.shape[1],
            Inner = (int)x.Stored.shape[1],
            Steps = (int)step.numel(),
            Zero = x.Offset,
            IsHalved = isHalved,
            Y = y.Floats(),
            Step = step.Floats(),
            WeightScale = scale.Floats(),
            Offsets = sums.Offsets.Floats(),
            LevelSums = sums.Levels is null ? null : sums.Levels.Integers(),
            StoredSums = storedSums is null ? null : storedSums.Integers(),
            Product = product.Integers(),
            FirstRow = (int)firstRow,
        };
        ThreadTeam.Run(ref kernel, (int)product.shape[0], product.numel());
    }

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
                    var (lanes, column) = (Vector512<float>.Zero, 0);
                    for (; column <= Inner - Lanes.Count; column += Lanes.Count)
                    {
                        var p = Lanes.Load(levels + column);
                        lanes += Vector512.Load(After + column) * (IsHalved ? p + p + Vector512<float>.One : p);
                    }

                    sum = Vector512.Sum(lanes);
                    for (; column < Inner; column++)
                    {
                        sum += After[column] * (IsHalved ? (2 * levels[column]) + 1 : levels[column]);
                    }
                }

                Offsets[row] = (WeightScale[row] * sum) + (Bias == null ? 0 : Bias[row]);
            }
        }
    }

    private unsafe struct ScaleKernel : IRangeKernel
    {
        public int Columns, Inner, Steps, Zero, FirstRow;
        public bool IsHalved;
        public int* Product;
        public float* Y;
        public float* Step;
        public float* WeightScale;
        public float* Offsets;
        public int* LevelSums;
        public int* StoredSums;

        public readonly void Run(int first, int end, int part)
        {
            for (var chunkRow = first; chunkRow < end; chunkRow++)
            {
                var row = FirstRow + chunkRow;
                var product = Product + ((long)chunkRow * Columns);
                var y = Y + ((long)row * Columns);
                var s = MathF.Max(Step[row % Steps], (float)Lsq.LeastStep);
                var column = 0;
                if (Zero == 0 && !IsHalved)
                {
                    for (; column <= Columns - Lanes.Count; column += Lanes.Count)
                    {
                        var scale = Vector512.Load(WeightScale + column) * s;
                        var whole = Vector512.ConvertToSingle(Vector512.Load(product + column));
                        Vector512.FusedMultiplyAdd(whole, scale, Vector512.Load(Offsets + column)).Store(y + column);
                    }
                }

                for (; column < Columns; column++)
                {
                    // Corrections stay integers, and wide ones: 255 · 255 · 33,000 is beyond 32 bits.
                    long whole = product[column] + (Zero == 0 ? 0L : (long)Zero * LevelSums[column]);
                    if (IsHalved)
                    {
                        whole = (2 * whole) + StoredSums[row] + ((long)Zero * Inner);
                    }

                    y[column] = (whole * (s * WeightScale[column])) + Offsets[column];
                }
            }
        }
    }
}
