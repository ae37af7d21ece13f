namespace Marrow.Models.Tests.Vision;

// Small image models, one for each way to quantize.

[Model]
public partial class PlainViT() : DeiT(image: 16, patch: 4, dim: 32, depth: 2, heads: 2, classes: 10);

[Quantize(Bits = 2, Activations = 2)]
public sealed partial class StatsQViT() : PlainViT;

[Quantize(Bits = 4, Activations = 8, Weights = WeightQuantizer.Lsq, Oscillation = Oscillation.Freeze)]
public sealed partial class LsqViT() : PlainViT;

[Quantize(Bits = 3, Activations = 4, Oscillation = Oscillation.Cga, BoundaryRange = 0.05), Qkr]
public sealed partial class QkrViT() : PlainViT;

[Quantize(Bits = 2, Activations = 2, Oscillation = Oscillation.Freeze), Qkr]
public sealed partial class FreezingQkrViT() : PlainViT;

[Quantize(Bits = 2, Oscillation = Oscillation.Dampen)]
public sealed partial class WeightOnlyViT() : PlainViT;

[Quantize(Bits = 8, Activations = 8)]
public sealed partial class EightBitViT() : PlainViT;

[Quantize(Bits = 5, Activations = 3), Qkr]
public sealed partial class FiveBitViT() : PlainViT;

[Quantize(Bits = 2, Activations = 2), Qkr]
public sealed partial class QuantizedSwin() : Swin(
    image: 32, patch: 4, dim: 16, depth0: 2, depth1: 2, depth2: 2, depth3: 2, heads: 1, window: 4, classes: 10);

[Quantize(Bits = 4, Activations = 4)]
public sealed partial class FourBitViT() : PlainViT;

[Quantize(Bits = 1, Activations = 2, Weights = WeightQuantizer.Lsq)]
public sealed partial class SignViT() : PlainViT;

[Quantize(Bits = 4), Qkr]
public sealed partial class WeightOnlyQkrViT() : PlainViT;

[Lora(Rank = 4)]
public sealed partial class LoraViT() : PlainViT;

[Quantize(Bits = 4, Scope = QuantizeScope.FrozenBase), Lora(Rank = 4)]
public sealed partial class PackedLoraViT() : PlainViT;

[Quantize(Bits = 3), Lora(Rank = 4)]
public sealed partial class MergedLoraViT() : PlainViT;

[Model]
public partial class WithoutDistillation() : VisionTransformer(
    image: 16, patch: 4, dim: 32, depth: 2, heads: 2, classes: 10);

[Model]
public partial class PlainSwin() : Swin(
    image: 32, patch: 4, dim: 16, depth0: 2, depth1: 2, depth2: 2, depth3: 2, heads: 1, window: 4, classes: 10);

/// <summary>A Swin whose maps, 11, 6, 3 and 2 wide, fill neither windows nor mergings.</summary>
[Model]
public partial class OddSwin() : Swin(
    image: 44, patch: 4, dim: 16, depth0: 2, depth1: 2, depth2: 2, depth3: 2, heads: 1, window: 4, classes: 10);

[Quantize(Bits = 3, Activations = 4)]
public sealed partial class QuantizedOddSwin() : OddSwin;

/// <summary>A model that derives from a known one and computes something else.</summary>
[Model]
public partial class OtherNetwork() : PlainViT
{
    [Forward]
    private TorchSharp.torch.Tensor Doubled(TorchSharp.torch.Tensor x) => 2 * Logits(x).Class;
}

[Model]
public partial class SmallViT(double normEps = 1e-6) : VisionTransformer(
    image: 16, patch: 4, dim: 32, depth: 2, heads: 4, classes: 7, normEps: normEps);

[Model]
public partial class HuggingFaceViT() : SmallViT(1e-12);

[Quantize(Bits = 2, Activations = 2), Qkr]
public sealed partial class HuggingFaceQkrViT() : HuggingFaceViT;

[Model]
public partial class ThreeClassViT(double normEps) : VisionTransformer(
    image: 16, patch: 4, dim: 32, depth: 2, heads: 4, classes: 3, normEps: normEps);

[Model]
public partial class UnclassifiedTokenViT() : VisionTransformer(
    image: 16, patch: 4, dim: 32, depth: 2, heads: 4, classes: 7, normEps: 1e-12, distillationToken: true);

[Model]
public partial class HuggingFaceDeiT() : DeiT(
    image: 16, patch: 4, dim: 32, depth: 2, heads: 4, classes: 7, normEps: 1e-12);

[Model]
public partial class FittingSwin() : Swin(
    image: 32, patch: 2, dim: 16, depth0: 2, depth1: 2, depth2: 2, depth3: 2, heads: 1, window: 2, classes: 10);
