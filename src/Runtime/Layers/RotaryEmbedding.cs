using Marrow.Autograd;
using Marrow.Cuda;
using Marrow.Kernels.Attention;
using Marrow.Kernels.Memory;
using Marrow.Kernels.Threading;
using static TorchSharp.torch;

namespace Marrow;

/// <summary>
/// Rotary positions (arXiv 2104.09864) in the order of LLaMA checkpoints: components i and i + d/2 of a head are one
/// pair, which turns by the angle of its token: <c>y = x cos + (−x₂, x₁) sin</c>.
/// </summary>
public static class RotaryEmbedding
{
    /// <summary>Turns every head of every token.</summary>
    /// <param name="x">[batch, tokens, heads, d], d even.</param>
    /// <param name="cos">[tokens, d].</param>
    /// <param name="sin">[tokens, d].</param>
    /// <returns>As x.</returns>
    /// <exception cref="ArgumentException">The shapes do not belong together.</exception>
    public static Tensor Rotate(Tensor x, Tensor cos, Tensor sin)
    {
        if (x.dim() != 4
            || x.size(3) % 2 != 0
            || !cos.shape.SequenceEqual([x.size(1), x.size(3)])
            || !sin.shape.SequenceEqual(cos.shape))
        {
            throw new ArgumentException(
                "Rotary positions turn x [batch, tokens, heads, an even d] by tables [tokens, d]; "
                + $"x is [{string.Join(", ", x.shape)}], cos [{string.Join(", ", cos.shape)}], "
                + $"sin [{string.Join(", ", sin.shape)}].",
                nameof(x));
        }

        if (!EagerMode.IsOn && !cos.requires_grad && !sin.requires_grad
            && (CudaRotary.For(x, cos, sin) is not null || TensorMemory.AreFloats(x, cos, sin)))
        {
            return OperationFunction.Run(new RotaryOperation(cos, sin), x);
        }

        var half = x.size(-1) / 2;
        return (x * cos.unsqueeze(1))
            + (cat([-x.narrow(-1, half, half), x.narrow(-1, 0, half)], -1) * sin.unsqueeze(1));
    }

    /// <summary>
    /// float32 on the CPU, and on CUDA, in one pass each way. Gradients turn back: <c>dx₁ = dy₁ cos₁ + dy₂ sin₂</c>,
    /// <c>dx₂ = dy₂ cos₂ − dy₁ sin₁</c>.
    /// </summary>
    private sealed unsafe class RotaryOperation(Tensor cos, Tensor sin) : Operation
    {
        public override string Name => "a rotary embedding";

        public override Tensor Forward(Saved saved, IReadOnlyList<Tensor?> inputs)
        {
            var (cosines, sines) = (cos.contiguous(), sin.contiguous());
            saved.Keep(cosines, sines);
            return Turn(inputs[0]!, cosines, sines, isBack: false);
        }

        public override IReadOnlyList<Tensor?> Backward(Saved saved, Tensor dy) =>
            [Turn(dy, saved[0], saved[1], isBack: true)];

        private static Tensor Turn(Tensor x, Tensor cos, Tensor sin, bool isBack)
        {
            if (CudaRotary.For(x, cos, sin) is { } kernels)
            {
                return CudaRotary.Turn(kernels, x, cos, sin, isBack);
            }

            var source = x.contiguous();
            var y = empty_like(source);
            var kernel = new RotaryKernel
            {
                X = source.Floats(),
                Y = y.Floats(),
                Cos = cos.Floats(),
                Sin = sin.Floats(),
                Tokens = (int)x.size(1),
                Heads = (int)x.size(2),
                Half = (int)x.size(3) / 2,
                IsBack = isBack,
            };
            ThreadTeam.Run(ref kernel, (int)(x.size(0) * x.size(1)), x.numel());
            return y;
        }
    }
}
