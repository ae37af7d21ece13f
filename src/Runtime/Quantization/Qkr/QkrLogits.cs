using Marrow.Autograd;
using Marrow.Cuda;
using Marrow.Kernels.Attention;
using Marrow.Kernels.IntegerGemm;
using Marrow.Kernels.Memory;
using Marrow.Kernels.Quantizers;
using Marrow.Shared;
using static TorchSharp.torch;

namespace Marrow.Quantization.Qkr;

/// <summary>Activations that are quantized already, <c>x̂ = S q + after</c>.</summary>
/// <param name="Values">x̂ [B, N, d], or [B, N · heads, d].</param>
/// <param name="Step">S, one for each position.</param>
/// <param name="After">The shift after, [d], or [heads · d].</param>
/// <param name="Range">Signed levels.</param>
internal sealed record QuantizedActivations(Tensor Values, Tensor Step, Tensor After, LevelRange Range);

/// <summary>
/// The logits of QKR attention, <c>y[b, h, n, m] = s x̂[b, n] · ẑ[b, m, h]</c>. Both sides are levels, so that with x̂
/// = S q + a and ẑ = S′ r + a′ <c>y = s S_n S′_m (q · r) + s x̂_n · a′ + s a · ẑ_m − s a · a′</c>: an exact product of
/// small integers, written where softmax reads it. The backward is that of the product of x̂ and ẑ. Where <see
/// cref="Int8Gemm"/> does not multiply, the forward is, too.
/// </summary>
internal static unsafe class QkrLogits
{
    /// <summary>The logits, differentiable in both.</summary>
    /// <param name="x">x̂ [B, N, d].</param>
    /// <param name="z">ẑ [B, N · heads, d], row m · heads + h.</param>
    /// <param name="heads">Heads.</param>
    /// <param name="scale">s.</param>
    /// <returns>[B, heads, N, N].</returns>
    /// <exception cref="ArithmeticException">A side holds NaN, which has no level.</exception>
    public static Tensor Of(QuantizedActivations x, QuantizedActivations z, long heads, double scale)
    {
        using var scope = NewDisposeScope();
        return scope.MoveToOuter(
            !EagerMode.IsOn && Applies(x, z)
                ? OperationFunction.Run(new Product(x, z, heads, scale), x.Values.contiguous(), z.Values.contiguous())
                : Plain(x.Values, z.Values, heads, scale));
    }

    /// <summary>
    /// In 16 bits x̂ is rounded, and its levels cannot be told from it; there the product of x̂ and ẑ is what is fast.
    /// </summary>
    private static bool Applies(QuantizedActivations x, QuantizedActivations z) => CudaKernels.IsDevice(x.Values)
        ? Cuda(x, z) is not null
        : Int8Product.UsesInt8Gemm && TensorMemory.AreFloats(x.Values, x.Step, x.After, z.Values, z.Step, z.After);

    /// <summary>The CUDA kernels, if they apply: float32, and levels whose product is exact.</summary>
    private static CudaModule? Cuda(QuantizedActivations x, QuantizedActivations z) =>
        x.Values.dtype == ScalarType.Float32 && ExactProducts.AreExact(
            -x.Range.Low, -z.Range.Low, x.Values.size(2), ExactProducts.OfFloats)
            ? CudaLevels.For(x.Values.contiguous(), ScalarType.Float32)
            : null;

    /// <summary>The logits of values that are not quantized.</summary>
    public static Tensor Plain(Tensor x, Tensor z, long heads, double scale)
    {
        using var scope = NewDisposeScope();
        return scope.MoveToOuter(
            x.bmm(z.transpose(1, 2)).view(x.size(0), x.size(1), x.size(1), heads).permute(0, 3, 1, 2) * scale);
    }

    private sealed class Product(QuantizedActivations x, QuantizedActivations z, long heads, double scale) : Operation
    {
        public override string Name => "QKR's logits";

        public override Tensor Forward(Saved saved, IReadOnlyList<Tensor?> inputs)
        {
            var (ofX, ofZ) = (inputs[0]!, inputs[1]!);
            saved.Keep(ofX, ofZ);
            using var scope = NewDisposeScope();
            if (Cuda(x, z) is { } kernels)
            {
                return scope.MoveToOuter(CudaLevels.Logits(
                    kernels,
                    CudaLevels.Requantized(kernels, ofX, x.Step, x.After, x.Range.Codes, z.After),
                    CudaLevels.Requantized(kernels, ofZ, z.Step, z.After, z.Range.Codes, x.After),
                    x.Step,
                    z.Step,
                    z.After.view(heads, -1).mv(x.After),
                    scale));
            }

            var (batch, n, d) = (ofX.size(0), ofX.size(1), ofX.size(2));
            var (q, along) = Requantize(ofX, x, parts: 1, z.After, heads); // x̂_n · a′, [B · N, heads]
            var (r, across) = Requantize(ofZ, z, parts: heads, x.After, vectors: 1); // a · ẑ_m, [B · N · heads, 1]
            var both = z.After.view(heads, d).mv(x.After); // a · a′, [heads]
            var y = empty([batch, heads, n, n], dtype: ScalarType.Float32);
            var logits = new QkrLogitBatch
            {
                Heads = heads,
                N = n,
                D = d,
                Q = q.SignedBytes(),
                R = r.SignedBytes(),
                Step = Usable(x.Step).mul_(scale).Floats(),
                ZStep = Usable(z.Step).view(n, heads).t().contiguous().Floats(), // [heads, N]
                Row = ByHead((along.view(batch, n, heads) - both) * scale).Floats(), // [B, heads, N]
                Column = ByHead(across.view(batch, n, heads) * scale).Floats(),
                Y = y.Floats(),
            };
            Int8Gemm.MultiplyEach<QkrLogitBatch, QkrLogitEpilogue>(
                ref logits, (int)(batch * heads), ((int)n, (int)n, (int)d), x.Range.Span, z.Range.Span);
            return scope.MoveToOuter(y);
        }

        public override IReadOnlyList<Tensor?> Backward(Saved saved, Tensor dy)
        {
            var (ofX, ofZ) = (saved[0], saved[1]);
            // [B, N, N · heads]
            var g = (dy * scale).permute(0, 2, 3, 1).reshape(ofX.size(0), ofX.size(1), ofZ.size(1));
            return [g.bmm(ofZ), g.transpose(1, 2).bmm(ofX)];
        }

        private static (Tensor Codes, Tensor Along) Requantize(
            Tensor values, QuantizedActivations of, long parts, Tensor along, long vectors) =>
            RequantizeKernel.Run(values, of.Step, of.After, of.Range.Codes, parts, along,
                vectors) ?? throw ActivationLevels.NotANumber();

        private static Tensor Usable(Tensor step) => step.detach().clamp_min(LsqKernels.LeastStep);

        private static Tensor ByHead(Tensor values) => values.transpose(1, 2).contiguous();
    }
}
