using Marrow.Quantization;
using Marrow.Shared;
using static TorchSharp.torch;

namespace Marrow.CompilerServices;

public static partial class Lsq
{
    /// <summary>LSQ as layers use it: of weights with a step for each row, and of activations.</summary>
    internal sealed class Method : WeightMethod, IStepMethod
    {
        public override IStepMethod Steps => this;

        public override string? BitsError(long bits) => QuantizerBits.Weights(bits, isLsq: true);

        public override Tensor Quantize(Tensor weight, Tensor? step, int bits) =>
            Lsq.Quantize(weight, step!, LevelRange.Signed(bits), ScaleGranularity.Row);

        public override WeightLevels Codes(Tensor weight, Tensor? step, int bits) =>
            Lsq.Codes(weight, step!, LevelRange.Signed(bits));

        public override Tensor LevelWidth(Tensor weight, Tensor? step, int bits) => step!.clamp_min(Lsq.LeastStep);

        public override Tensor GridPosition(Tensor weight, Tensor? step, int bits)
        {
            var range = LevelRange.Signed(bits);
            return (weight / LevelWidth(weight, step, bits).unsqueeze(1)).clamp_(range.Low - 0.5, range.High + 0.5);
        }

        public Tensor Quantize(
            Tensor x, Tensor step, LevelRange range, ScaleGranularity sharing, Tensor? before, Tensor? after) =>
            Lsq.Quantize(x, step, range, sharing, before, after);

        public Tensor QuantizeSoftmax(Tensor logits, Tensor? bias, Tensor step, LevelRange range) =>
            Lsq.QuantizeSoftmax(logits, bias, step, range);

        public StepGradients Gradients(
            Tensor dy,
            Tensor x,
            Tensor step,
            LevelRange range,
            ScaleGranularity sharing,
            Tensor? before,
            bool hasAfter) =>
            Lsq.Gradients(dy, x, step, range, sharing, before, hasAfter);

        public Tensor InitialStep(
            Tensor x, Tensor? before, LevelRange range, ScaleGranularity sharing, double constant)
        {
            using var scope = NewDisposeScope();
            var shifted = before is null ? x : Lsq.Shift(sharing.LayoutOf(x), x, before);
            return scope.MoveToOuter(Lsq.InitialStep(shifted, range, sharing, constant));
        }
    }
}
