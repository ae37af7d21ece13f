using Marrow.Models;

namespace Marrow.Tool.Quantization;

// Every vision architecture with every way to quantize it: each is a line, and the generator writes the layers.

[Quantize(Bits = nameof(bits), Activations = nameof(activations), Weights = WeightQuantizer.Lsq)]
internal sealed partial class LsqVisionTransformer(
    int image, int patch, int dim, int depth, int heads, int classes, int channels = 3, int mlpRatio = 4,
    double normEps = 1e-6, bool distillationToken = false, int bits = 4, int activations = 4)
    : VisionTransformer(image, patch, dim, depth, heads, classes, channels, mlpRatio, normEps, distillationToken);

[Quantize(Bits = nameof(bits), Activations = nameof(activations))]
internal sealed partial class StatsQVisionTransformer(
    int image, int patch, int dim, int depth, int heads, int classes, int channels = 3, int mlpRatio = 4,
    double normEps = 1e-6, bool distillationToken = false, int bits = 4, int activations = 4)
    : VisionTransformer(image, patch, dim, depth, heads, classes, channels, mlpRatio, normEps, distillationToken);

[Quantize(Bits = nameof(bits), Activations = nameof(activations)), Qkr]
internal sealed partial class QkrVisionTransformer(
    int image, int patch, int dim, int depth, int heads, int classes, int channels = 3, int mlpRatio = 4,
    double normEps = 1e-6, bool distillationToken = false, int bits = 4, int activations = 4)
    : VisionTransformer(image, patch, dim, depth, heads, classes, channels, mlpRatio, normEps, distillationToken);

[Quantize(Bits = nameof(bits), Activations = nameof(activations), Oscillation = Oscillation.Cga), Qkr]
internal sealed partial class CgaVisionTransformer(
    int image, int patch, int dim, int depth, int heads, int classes, int channels = 3, int mlpRatio = 4,
    double normEps = 1e-6, bool distillationToken = false, int bits = 4, int activations = 4)
    : VisionTransformer(image, patch, dim, depth, heads, classes, channels, mlpRatio, normEps, distillationToken);

[Quantize(Bits = nameof(bits), Activations = nameof(activations), Weights = WeightQuantizer.Lsq)]
internal sealed partial class LsqDeiT(
    int image, int patch, int dim, int depth, int heads, int classes, int channels = 3, int mlpRatio = 4,
    double normEps = 1e-6, int bits = 4, int activations = 4)
    : DeiT(image, patch, dim, depth, heads, classes, channels, mlpRatio, normEps);

[Quantize(Bits = nameof(bits), Activations = nameof(activations))]
internal sealed partial class StatsQDeiT(
    int image, int patch, int dim, int depth, int heads, int classes, int channels = 3, int mlpRatio = 4,
    double normEps = 1e-6, int bits = 4, int activations = 4)
    : DeiT(image, patch, dim, depth, heads, classes, channels, mlpRatio, normEps);

[Quantize(Bits = nameof(bits), Activations = nameof(activations)), Qkr]
internal sealed partial class QkrDeiT(
    int image, int patch, int dim, int depth, int heads, int classes, int channels = 3, int mlpRatio = 4,
    double normEps = 1e-6, int bits = 4, int activations = 4)
    : DeiT(image, patch, dim, depth, heads, classes, channels, mlpRatio, normEps);

[Quantize(Bits = nameof(bits), Activations = nameof(activations), Oscillation = Oscillation.Cga), Qkr]
internal sealed partial class CgaDeiT(
    int image, int patch, int dim, int depth, int heads, int classes, int channels = 3, int mlpRatio = 4,
    double normEps = 1e-6, int bits = 4, int activations = 4)
    : DeiT(image, patch, dim, depth, heads, classes, channels, mlpRatio, normEps);

[Quantize(Bits = nameof(bits), Activations = nameof(activations), Weights = WeightQuantizer.Lsq)]
internal sealed partial class LsqSwin(
    int image, int patch, int dim, int depth0, int depth1, int depth2, int depth3, int heads, int window, int classes,
    int channels = 3, int mlpRatio = 4, int bits = 4, int activations = 4)
    : Swin(image, patch, dim, depth0, depth1, depth2, depth3, heads, window, classes, channels, mlpRatio);

[Quantize(Bits = nameof(bits), Activations = nameof(activations))]
internal sealed partial class StatsQSwin(
    int image, int patch, int dim, int depth0, int depth1, int depth2, int depth3, int heads, int window, int classes,
    int channels = 3, int mlpRatio = 4, int bits = 4, int activations = 4)
    : Swin(image, patch, dim, depth0, depth1, depth2, depth3, heads, window, classes, channels, mlpRatio);

[Quantize(Bits = nameof(bits), Activations = nameof(activations)), Qkr]
internal sealed partial class QkrSwin(
    int image, int patch, int dim, int depth0, int depth1, int depth2, int depth3, int heads, int window, int classes,
    int channels = 3, int mlpRatio = 4, int bits = 4, int activations = 4)
    : Swin(image, patch, dim, depth0, depth1, depth2, depth3, heads, window, classes, channels, mlpRatio);

[Quantize(Bits = nameof(bits), Activations = nameof(activations), Oscillation = Oscillation.Cga), Qkr]
internal sealed partial class CgaSwin(
    int image, int patch, int dim, int depth0, int depth1, int depth2, int depth3, int heads, int window, int classes,
    int channels = 3, int mlpRatio = 4, int bits = 4, int activations = 4)
    : Swin(image, patch, dim, depth0, depth1, depth2, depth3, heads, window, classes, channels, mlpRatio);
