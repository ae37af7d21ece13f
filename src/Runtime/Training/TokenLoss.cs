using Marrow.Autograd;
using Marrow.Cuda;
using static TorchSharp.torch;

namespace Marrow;

/// <summary>
/// Cross entropy with labels, summed. Logits narrower than float32 are widened; on CUDA in the registers of one pass,
/// which leaves the gradient beside the loss.
/// </summary>
internal static class TokenLoss
{
    /// <summary>
    /// <c>scale · Σ −log softmax(logits)[label]</c> over the labels that count: [], float32 or float64.
    /// </summary>
    /// <param name="logits">[n, classes].</param>
    /// <param name="labels">[n], int64.</param>
    /// <param name="ignored">The label that does not count.</param>
    /// <param name="scale">Of the sum.</param>
    public static Tensor Sum(Tensor logits, Tensor labels, long ignored, double scale)
    {
        if (CudaCrossEntropy.For(logits) is not null)
        {
            return OperationFunction.Run(new Fused(labels, ignored, scale), logits);
        }

        using var scope = NewDisposeScope();
        var wide = logits.element_size() < 4 ? logits.to(ScalarType.Float32) : logits;
        return scope.MoveToOuter(nn.functional.cross_entropy(
            wide, labels, ignore_index: ignored, reduction: nn.Reduction.Sum).mul(scale));
    }

    private sealed class Fused(Tensor labels, long ignored, double scale) : Operation
    {
        public override string Name => "a cross entropy";

        public override Tensor Forward(Saved saved, IReadOnlyList<Tensor?> inputs)
        {
            var logits = inputs[0]!.contiguous();
            var (sum, gradient) = CudaCrossEntropy.Run(
                CudaCrossEntropy.For(logits)!, logits, labels, ignored, scale, saved.NeedsInput);
            saved.Keep(gradient);
            return sum;
        }

        public override IReadOnlyList<Tensor?> Backward(Saved saved, Tensor dy) => [saved[0].mul(dy)];
    }
}
