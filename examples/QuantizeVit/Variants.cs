namespace Marrow.Examples.QuantizeVit;

/// <summary>A small DeiT, the float teacher: patches of 4 × 4 pixels, four blocks of width 96.</summary>
[Model]
public partial class SmallViT(int image, int classes)
    : Models.DeiT(image, patch: 4, dim: 96, depth: 4, heads: 3, classes);

/// <summary>The baseline: learned steps for weights and activations.</summary>
[Quantize(Bits = nameof(bits), Activations = nameof(bits), Weights = WeightQuantizer.Lsq)]
public sealed partial class LsqViT(int image, int classes, int bits) : SmallViT(image, classes);

/// <summary>Scales of weights from their statistics, with nothing to learn.</summary>
[Quantize(Bits = nameof(bits), Activations = nameof(bits))]
public sealed partial class StatsQViT(int image, int classes, int bits) : SmallViT(image, classes);

/// <summary>StatsQ, with queries and keys quantized as one product.</summary>
[Quantize(Bits = nameof(bits), Activations = nameof(bits)), Qkr]
public sealed partial class QkrViT(int image, int classes, int bits) : SmallViT(image, classes);

/// <summary>The same for annealing: confident weights stand still.</summary>
[Quantize(Bits = nameof(bits), Activations = nameof(bits), Oscillation = Oscillation.Cga), Qkr]
public sealed partial class CgaViT(int image, int classes, int bits) : SmallViT(image, classes);
