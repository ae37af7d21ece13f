namespace Marrow.Tests.Quantization;

// One linear layer with each quantizer: what the tests run is the emitted code, with sizes as constants and at run
// time.

[Model]
public partial class OneLinear(int inFeatures, int outFeatures, bool bias, int tokens)
{
    [Linear(nameof(inFeatures), nameof(outFeatures), Bias = nameof(bias), Tokens = nameof(tokens))]
    public partial Linear Layer { get; }

    [Forward]
    private TorchSharp.torch.Tensor Network(TorchSharp.torch.Tensor x) => Layer.call(x);
}

[Quantize(Bits = nameof(bits), Activations = nameof(activations))]
public partial class StatsQLinear(int inFeatures, int outFeatures, bool bias, int tokens, int bits, int activations)
    : OneLinear(inFeatures, outFeatures, bias, tokens);

[Quantize(Bits = nameof(bits), Activations = nameof(activations), Weights = WeightQuantizer.Lsq)]
public partial class LsqLinear(int inFeatures, int outFeatures, bool bias, int tokens, int bits, int activations)
    : OneLinear(inFeatures, outFeatures, bias, tokens);

[Quantize(Bits = nameof(bits))]
public partial class WeightOnlyLinear(int inFeatures, int outFeatures, bool bias, int tokens, int bits)
    : OneLinear(inFeatures, outFeatures, bias, tokens);

[Quantize(Bits = 2, Activations = 2, Oscillation = Oscillation.Freeze)]
public partial class FreezingLinear() : OneLinear(12, 8, true, 3);

[Quantize(Bits = 2, Activations = 2, Bfloat16Backward = true, Oscillation = Oscillation.Cga, BoundaryRange = 0.05)]
public partial class Bfloat16Linear() : OneLinear(48, 40, true, 5);

[Quantize(Bits = 4, Weights = WeightQuantizer.Lsq)]
public partial class ThinLsqLinear() : OneLinear(72, 288, true, 1);
