using Marrow.Autograd;
using Marrow.CompilerServices;
using Marrow.Kernels.Attention;
using Marrow.Kernels.IntegerGemm;
using Marrow.Kernels.Memory;
using Marrow.Kernels.Normalization;
using Marrow.Kernels.Optimizers;
using Marrow.Kernels.PackedGemv;
using Marrow.Kernels.Quantizers;
using Marrow.Kernels.Recurrence;
using Marrow.Kernels.Reductions;
using Marrow.Layers;
using Marrow.Quantization.Oscillations;
using Marrow.Quantization.Qkr;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Marrow.Tests.Kernels;

/// <summary>
/// All kernels. Operations are called as the runtime calls them, so that what chooses the kernel is tested too.
/// </summary>
internal static class KernelTable
{
    private const double Rounding = 2e-6, Exact = 0;

    private static readonly IReadOnlyList<ScalarType> Floats =
        [ScalarType.Float32, ScalarType.Float64], Single = [ScalarType.Float32];

    private static readonly IReadOnlyList<(int, int)> Sizes =
        [(1, 1), (3, 7), (5, 33), (12, 64), (67, 131), (200, 260)];

    public static IReadOnlyList<KernelCase> Cases { get; } =
    [
        new("StatsQ", [typeof(StatsQKernels)], Floats, Sizes, StatsQValues),
        new("StatsQ codes", [typeof(StatsQKernels), typeof(DequantizeKernel<>)], Single, Sizes, StatsQCodes),
        new("LSQ", [typeof(LsqForwardKernel), typeof(LsqBackwardKernel)], Floats, Sizes, LsqGradientsToo),
        new("LSQ codes", [typeof(QuantizeKernel), typeof(DequantizeKernel<>)], Floats, Sizes, LsqCodes),
        new("integer linear", [typeof(WeightOffsetKernel), typeof(Int8Product), typeof(Int8Gemm)], Single, Sizes,
            IntegerLinear),
        new(
            "int8 GEMM",
            [typeof(Int8Gemm), typeof(LookupMicrokernel), typeof(Int8Microkernel), typeof(Int8Product)],
            [ScalarType.Int8],
            [(1, 1), (2, 5), (9, 64), (70, 1100)],
            Int8Products),
        new("packed weight", [typeof(UnpackKernel), typeof(FloatGemvKernel), typeof(Int8GemvKernel)], Single,
            [(1, 15), (4, 300), (3, 1025)], Packed),
        new("QKR logits", [typeof(Int8Gemm), typeof(RequantizeKernel)], Single, [(1, 8), (5, 33), (19, 64)], Qkr),
        new("bfloat16 gradients", [typeof(RoundGradientsKernel)], Single, Sizes, Bfloat16Gradients),
        new("oscillation", [typeof(OscillationKernel)], Single, Sizes, Oscillation),
        new("bias gradient", [typeof(ColumnSumKernel)], Floats, Sizes, BiasGradients),
        new("RMSNorm", [typeof(RmsNormForwardKernel), typeof(RmsNormBackwardKernel)], Floats,
            [(1, 7), .. Sizes.Skip(1)], RmsNorms),
        new("rotary embedding", [typeof(RotaryKernel)], Floats, [(1, 2), (3, 6), (4, 34), (7, 64)], Rotary),
        new("token attention", [typeof(TokenAttentionKernel)], Floats, [(1, 32), (9, 48), (33, 64), (70, 96)],
            Attention),
        new("WKV6", [typeof(Wkv6Forward<>), typeof(Wkv6Backward<>)], Floats, [(1, 16), (33, 16), (70, 32), (5, 12)],
            Wkv),
        new("AdamW", [typeof(AdamWKernel)], Floats, Sizes, AdamW),
    ];

    private static IEnumerable<Comparison> StatsQValues(KernelInputs inputs, int rows, int columns)
    {
        foreach (var bits in (int[])[2, 4, 8])
        {
            var w = inputs.Strided(rows, columns);
            yield return new(StatsQ.Quantize(w, bits), StatsQ.Plain(w, bits), Rounding);
        }
    }

    private static IEnumerable<Comparison> StatsQCodes(KernelInputs inputs, int rows, int columns)
    {
        foreach (var bits in (int[])[2, 5, 8])
        {
            var w = inputs.Normal(rows, columns);
            var (codes, plain) = (StatsQ.Codes(w, bits), StatsQ.Levels(w, bits));
            yield return new(codes.Dequantize(), plain.Values, Rounding);
            yield return new(codes.Scale * (1 << bits), plain.Scale, Rounding);
        }
    }

    private static IEnumerable<Comparison> LsqGradientsToo(KernelInputs inputs, int rows, int columns)
    {
        foreach (var sharing in (
            ScaleGranularity[])[ScaleGranularity.Position, ScaleGranularity.Channel, ScaleGranularity.Tensor])
        {
            var x = inputs.Strided(2, rows, columns).detach().requires_grad_();
            var steps = sharing switch
            {
                ScaleGranularity.Position => rows,
                ScaleGranularity.Channel => columns,
                _ =>
                1
            };
            var step = inputs.Place(rand(steps, dtype: inputs.Type) + 0.5).requires_grad_();
            var (before, after) = (inputs.Normal(columns).requires_grad_(), inputs.Normal(columns).requires_grad_());
            var (fused, plain) = (
                Lsq.Quantize(x, step, LevelRange.Signed(3), sharing, before, after),
                Lsq.Plain(x, step, LevelRange.Signed(3), sharing, before, after));
            yield return new(fused, plain, Rounding);
            var dy = randn(fused.shape, dtype: inputs.Type);
            foreach (var (actual, expected) in Gradients(fused, dy, x, step, before, after).Zip(
                Gradients(plain, dy, x, step, before, after)))
            {
                yield return new(actual, expected, 5e-4); // gradients of steps cancel
            }
        }
    }

    private static IEnumerable<Comparison> LsqCodes(KernelInputs inputs, int rows, int columns)
    {
        foreach (var range in (LevelRange[])[LevelRange.Signed(2), LevelRange.Unsigned(2), LevelRange.Unsigned(8)])
        {
            var (x, step, before) = (inputs.Normal(rows, columns), inputs.Place(rand(rows, dtype: inputs.Type) + 0.1),
                inputs.Normal(columns));
            var codes = ActivationLevels.Of(x, step, before, range);
            var expected = ((x + before) / step.unsqueeze(1)).clamp(range.Low, range.High).round();
            yield return new(codes.Stored.to(int32) + codes.Offset, expected, Exact);
            yield return new(codes.Dequantize(step, before), (expected * step.unsqueeze(1)) + before, Rounding);
        }
    }

    private static IEnumerable<Comparison> IntegerLinear(KernelInputs inputs, int rows, int columns)
    {
        foreach (var (bits, range) in ((int, LevelRange)[])
            [(2, LevelRange.Signed(2)), (4, LevelRange.Unsigned(4)), (8, LevelRange.Unsigned(8)),
                (8, LevelRange.Signed(8))])
        {
            var outputs = (2 * columns) + 1;
            var (step, after, bias) = (inputs.Place(rand(rows) + 0.5), inputs.Normal(columns), inputs.Normal(outputs));
            var q = ActivationLevels.Of(inputs.Normal(rows, columns) * 3, step, null, range);
            var p = StatsQ.Codes(inputs.Normal(outputs, columns), bits);
            var expected = q.Dequantize(step, after).to(float64).mm(p.Dequantize().to(float64).t()) + bias;
            yield return new(IntegerProduct.Linear(q, p, step, after, bias), expected, Rounding);
        }
    }

    private static IEnumerable<Comparison> Int8Products(KernelInputs inputs, int rows, int columns)
    {
        // Two bits on both sides, the largest codes, and where a single pair of products exceeds 16 bits.
        foreach (var (low, high) in ((int, int)[])[(-2, 1), (-128, 127), (127, 127)])
        {
            var a = inputs.Place(randint(low, high + 1, [rows, columns], dtype: int64).to(int8));
            foreach (var (lowB, highB) in ((int, int)[])[(-2, 1), (-128, 127)])
            {
                var b = inputs.Place(randint(lowB, highB + 1, [rows + 24, columns], dtype: int64).to(int8));
                var expected = a.to(float64).mm(b.to(float64).t());
                var chosen = zeros(rows, rows + 24, dtype: int32);
                var store = new StoreProduct(chosen);
                Int8Product.Multiply(a, null, b, null, ref store);
                yield return new(chosen, expected, Exact);
                if (System.Runtime.Intrinsics.X86.Avx2.IsSupported)
                {
                    var own = zeros(rows, rows + 24, dtype: int32);
                    store = new StoreProduct(own);
                    Int8Gemm.Multiply(a, IntegerRange.Of(a), b, IntegerRange.Of(b), ref store);
                    yield return new(own, expected, Exact);
                }
            }
        }
    }

    private static IEnumerable<Comparison> Packed(KernelInputs inputs, int rows, int columns)
    {
        for (var bits = 2; bits <= 8; bits++)
        {
            foreach (var isOdd in (bool[])[false, true])
            {
                var (outputs, range) = (columns % 100 + 9, LevelRange.Signed(bits));
                var isHalved = isOdd && bits == 8;
                var u = randint(range.Low, range.High + 1, [outputs, columns], dtype: int64).to(int8);
                var codes = new WeightLevels(
                    isOdd && !isHalved ? (u * 2) + 1 : u, inputs.Place(rand(outputs) + 0.5), isHalved);
                var packed = PackedWeight.Of(codes, bits, isOdd);
                yield return new(packed.Unpack().Stored, codes.Stored, Exact);
                var (x, bias) = (inputs.Normal(rows, columns), inputs.Normal(outputs));
                yield return new(packed.Linear(x, bias), x.to(float64).mm(codes.Dequantize().to(float64).t()) + bias,
                    Rounding);
                if (PackedKernels.SupportsIntegers(packed.Codes, rows))
                {
                    var q = inputs.Place(randint(-128, 128, [rows, columns], dtype: int64).to(int8));
                    yield return new(PackedKernels.Multiply(q, packed.Codes),
                        q.to(float64).mm(codes.Stored.to(float64).t()), Exact);
                }
            }
        }
    }

    private static IEnumerable<Comparison> Qkr(KernelInputs inputs, int rows, int columns)
    {
        const int batch = 2, heads = 3;
        var range = LevelRange.Signed(2);
        var x = Quantized(columns, rows);
        var z = Quantized(columns * heads, rows * heads);
        yield return new(QkrLogits.Of(x, z, heads, 0.3),
            QkrLogits.Plain(x.Values.to(float64), z.Values.to(float64), heads, 0.3), 1e-5);

        QuantizedActivations Quantized(int shifts, int positions)
        {
            var (step, after) = (inputs.Place(rand(positions) + 0.5), inputs.Normal(shifts));
            var values = Lsq.Quantize(
                randn(batch, positions, columns), step, range, ScaleGranularity.Position, null, after);
            return new(inputs.Place(values), step, after, range);
        }
    }

    private static IEnumerable<Comparison> Bfloat16Gradients(KernelInputs inputs, int rows, int columns)
    {
        var (dy, weightScale, step) =
            (inputs.Normal(rows, columns), inputs.Place(rand(columns) + 0.5), inputs.Place(rand(rows) + 0.5));
        var (byWeight, byStep, bias) = RoundGradientsKernel.Run(dy, weightScale, step);
        yield return new(byWeight, (dy * weightScale).to(bfloat16), Exact);
        yield return new(byStep, (dy * step.unsqueeze(1)).to(bfloat16), Exact);
        yield return new(bias, dy.to(float64).sum([0]), 1e-5);
    }

    private static IEnumerable<Comparison> Oscillation(KernelInputs inputs, int rows, int columns)
    {
        Tensor Codes() => inputs.Place(randint(-128, 128, [rows, columns], dtype: int64).to(int8));
        var before = Codes();
        using var state = new OscillationState(before, momentum: 0.1);
        var (direction, frequency, total) =
            (zeros(before.shape), zeros(before.shape, dtype: float64), zeros(before.shape));
        for (var step = 0; step < 4; step++)
        {
            var now = where(rand(before.shape) < 0.5, before, Codes());
            var changed = state.Update(now);
            var sign = (before.to(float32) - now.to(float32)).sign();
            var hasOscillated = (direction * sign).lt(0).to(float64);
            frequency = (frequency * 0.9) + (hasOscillated * 0.1);
            total += hasOscillated;
            direction = where(sign.eq(0), direction, sign);
            before = now;
            yield return new(changed, sign.ne(0).sum(), Exact);
        }

        yield return new(state.Frequency, frequency, Rounding);
        yield return new(state.Total, total, Exact);
        yield return new(state.Direction, direction, Exact);
        yield return new(state.Levels, before, Exact);
    }

    private static IEnumerable<Comparison> BiasGradients(KernelInputs inputs, int rows, int columns)
    {
        var dy = inputs.Strided(rows, columns);
        yield return new(BiasGradient.Of(dy), dy.to(float64).sum([0]), 1e-5);
        dy = inputs.Normal(rows, columns);
        yield return new(BiasGradient.Of(dy), dy.to(float64).sum([0]), 1e-5);
    }

    private static IEnumerable<Comparison> RmsNorms(KernelInputs inputs, int rows, int columns)
    {
        var (x, weight) = (inputs.Strided(rows, columns).detach().requires_grad_(),
            inputs.Normal(columns).requires_grad_());
        var fused = RmsNormOperation.Suits(x, weight)
            ? OperationFunction.Run(new RmsNormOperation(1e-5, zeroCentered: false, learns: true), x, weight) : Plain();
        var dy = randn(rows, columns, dtype: inputs.Type);
        var plain = Plain();
        yield return new(fused, plain, 1e-5);
        foreach (var (actual, expected) in Gradients(fused, dy, x, weight).Zip(Gradients(plain, dy, x, weight)))
        {
            yield return new(actual, expected, 2e-5);
        }

        Tensor Plain() => x * (x.square().mean([-1], keepdim: true) + 1e-5).rsqrt() * weight;
    }

    private static IEnumerable<Comparison> Rotary(KernelInputs inputs, int rows, int columns)
    {
        var x = inputs.Strided(2, rows, 3, columns).detach().requires_grad_();
        var (cos, sin) = (inputs.Normal(rows, columns), inputs.Normal(rows, columns));
        var half = columns / 2;
        var fused = RotaryEmbedding.Rotate(x, cos, sin);
        var turned = cat([-x.narrow(-1, half, half), x.narrow(-1, 0, half)], -1);
        var plain = (x * cos.unsqueeze(1)) + (turned * sin.unsqueeze(1));
        yield return new(fused, plain, Rounding);
        var dy = randn(fused.shape, dtype: inputs.Type);
        yield return new(Gradients(fused, dy, x)[0], Gradients(plain, dy, x)[0], Rounding);
    }

    private static IEnumerable<Comparison> Attention(KernelInputs inputs, int rows, int columns)
    {
        var (query, keys) = (inputs.Normal(2, 6, columns), inputs.Normal(2, 3, rows + 5, columns));
        var values = inputs.Normal(2, 3, rows + 5, columns);
        var scores = query.to(float64).view(2, 3, 2, columns).matmul(
            keys.to(float64).narrow(2, 0, rows).transpose(2, 3)) / Math.Sqrt(columns);
        var expected = scores.softmax(-1).matmul(values.to(float64).narrow(2, 0, rows)).reshape(2, 6, columns);
        yield return new(TokenAttention.Run(query, keys, values, rows), expected, 1e-5);
    }

    private static IEnumerable<Comparison> Wkv(KernelInputs inputs, int rows, int columns)
    {
        const int batch = 2, heads = 3;
        Tensor Input() => inputs.Strided(batch, rows, heads * columns).detach().mul(0.5).requires_grad_();
        var (r, k, v) = (Input(), Input(), Input());
        var decay = inputs.Place(rand([batch, rows, heads * columns], dtype: inputs.Type)).requires_grad_();
        var bonus = inputs.Normal(heads, columns).requires_grad_();
        var state = inputs.Normal(batch, heads, columns, columns).requires_grad_();
        var (fused, plain) = (Wkv6.Run(r, k, v, decay, bonus, state), Wkv6.Plain(r, k, v, decay, bonus, state));
        yield return new(fused.Output, plain.Output, 1e-5);
        yield return new(fused.State, plain.State, 1e-5);
        var (dy, dState) = (randn(fused.Output.shape, dtype: inputs.Type),
            randn(fused.State.shape, dtype: inputs.Type));
        Tensor Loss((Tensor Output, Tensor State) result) => (result.Output * dy).sum() + (result.State * dState).sum();
        var one = ones([], dtype: inputs.Type);
        foreach (var (actual, expected) in Gradients(Loss(fused), one, r, k, v, decay, bonus, state)
            .Zip(Gradients(Loss(plain), one, r, k, v, decay, bonus, state)))
        {
            yield return new(actual, expected, 2e-5);
        }
    }

    private static IEnumerable<Comparison> AdamW(KernelInputs inputs, int rows, int columns)
    {
        var start = randn(rows, columns, dtype: inputs.Type);
        var parameter = new Parameter(inputs.Place(start.clone()));
        using var optimizer = new FusedAdamW([new TrainedParameter("w", parameter)], weightDecay: 0.1);
        var frozen = rand(rows, columns) < 0.3;
        var (w, m, v) = (start.to(float64), zeros(rows, columns, dtype: float64), zeros(rows, columns, dtype: float64));
        for (var step = 1; step <= 3; step++)
        {
            var g = inputs.Normal(rows, columns);
            parameter.grad = g.clone();
            optimizer.Step(0.01, step == 2 ? new Dictionary<Parameter, Tensor> { [parameter] = frozen } : null);
            (m, v) = ((m * 0.9) + (g * 0.1), (v * 0.999) + (g * g * 0.001));
            var moved = (w * (1 - (0.01 * 0.1)))
                - (0.01 * (m / (1 - Math.Pow(0.9, step))) / ((v / (1 - Math.Pow(0.999, step))).sqrt() + 1e-8));
            w = step == 2 ? where(frozen, w, moved) : moved;
        }

        yield return new(parameter.detach(), w, 1e-5);
        parameter.Dispose();
    }

    private static Tensor[] Gradients(Tensor y, Tensor dy, params Tensor[] inputs) =>
        [.. autograd.grad([y], inputs, [dy]).Select(gradient => gradient.clone())];
}
