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
