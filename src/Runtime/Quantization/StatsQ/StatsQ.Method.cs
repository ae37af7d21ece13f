using Marrow.Quantization;
using Marrow.Shared;
using static TorchSharp.torch;

namespace Marrow.CompilerServices;

public static partial class StatsQ
{
    /// <summary>StatsQ as layers use it.</summary>
    internal sealed class Method : WeightMethod
    {
        public override bool IsOdd => true;

        public override string? BitsError(long bits) => QuantizerBits.Weights(bits, isLsq: false);

        public override Tensor Quantize(Tensor weight, Tensor? step, int bits) => StatsQ.Quantize(weight, bits);

        public override WeightLevels Codes(Tensor weight, Tensor? step, int bits) => StatsQ.Codes(weight, bits);

        public override Tensor LevelWidth(Tensor weight, Tensor? step, int bits) =>
            StatsQ.Scale(weight).div_(1 << (bits - 1));

        public override Tensor GridPosition(Tensor weight, Tensor? step, int bits) => StatsQ.GridPosition(weight, bits);
    }
}
