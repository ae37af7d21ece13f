using Marrow.Models;
using static TorchSharp.torch;

namespace Marrow.Parity;

// Quantized layers whose sizes and bits come from the reference file: what is compared is the emitted code.

[Model]
public partial class OneTokenLinear(int inFeatures, int outFeatures, int tokens)
{
    [Linear(nameof(inFeatures), nameof(outFeatures), Tokens = nameof(tokens))]
    public partial Linear Layer { get; }

    [Forward]
    private Tensor Network(Tensor x) => Layer.call(x);
}

[Model]
public partial class OnePositiveLinear(int inFeatures, int outFeatures, int tokens)
{
    [Linear(nameof(inFeatures), nameof(outFeatures), Tokens = nameof(tokens), PositiveInput = true)]
    public partial Linear Layer { get; }

    [Forward]
    private Tensor Network(Tensor x) => Layer.call(x);
}

[Quantize(Bits = nameof(bits), Activations = nameof(activations))]
public sealed partial class StatsQCase(int inFeatures, int outFeatures, int tokens, int bits, int activations)
    : OneTokenLinear(inFeatures, outFeatures, tokens);

[Quantize(Bits = nameof(bits), Activations = nameof(activations))]
public sealed partial class PositiveStatsQCase(int inFeatures, int outFeatures, int tokens, int bits, int activations)
    : OnePositiveLinear(inFeatures, outFeatures, tokens);

[Quantize(Bits = nameof(bits), Activations = nameof(activations), Weights = WeightQuantizer.Lsq)]
public sealed partial class LsqCase(int inFeatures, int outFeatures, int tokens, int bits, int activations)
    : OneTokenLinear(inFeatures, outFeatures, tokens);

[Quantize(Bits = nameof(bits), Activations = nameof(activations), Weights = WeightQuantizer.Lsq)]
public sealed partial class PositiveLsqCase(int inFeatures, int outFeatures, int tokens, int bits, int activations)
    : OnePositiveLinear(inFeatures, outFeatures, tokens);

/// <summary>A head: one step for all its input.</summary>
[Quantize(Bits = nameof(bits), Activations = nameof(activations), Weights = WeightQuantizer.Lsq)]
public sealed partial class HeadCase(int inFeatures, int outFeatures, int bits, int activations)
    : OneLinear(inFeatures, outFeatures, true);

[Quantize(Bits = nameof(bits), Activations = nameof(activations))]
public sealed partial class StatsQMlpCase(int dim, int hidden, int tokens, int bits, int activations)
    : VisionMlp(dim, hidden, tokens);

[Quantize(Bits = nameof(bits), Activations = nameof(activations), Weights = WeightQuantizer.Lsq)]
public sealed partial class LsqMlpCase(int dim, int hidden, int tokens, int bits, int activations)
    : VisionMlp(dim, hidden, tokens);

[Model]
public partial class OneConvolution(int image, int patch, int channels, int dim)
{
    [Conv2d(nameof(channels), nameof(dim), nameof(patch), Stride = nameof(patch), Tokens = "image * image")]
    public partial Conv2d Layer { get; }

    [Forward]
    private Tensor Network(Tensor x) => Layer.call(x);
}

[Quantize(Bits = 2, Activations = 2)]
public sealed partial class PatchConvolutionCase(int image, int patch, int channels, int dim)
    : OneConvolution(image, patch, channels, dim);

[Model]
public partial class OneAttention(int dim, int heads, int tokens)
{
    [Attention(nameof(dim), nameof(heads), Tokens = nameof(tokens))]
    public partial Attention Layer { get; }

    [Forward]
    private Tensor Network(Tensor x) => Layer.call(x);
}

[Model]
public partial class OneWindowAttention(int dim, int heads, int window, int shift)
{
    [Attention(nameof(dim), nameof(heads), Window = nameof(window), Shift = nameof(shift))]
    public partial Attention Layer { get; }

    [Forward]
    private Tensor Network(Tensor x) => Layer.call(x);
}

[Quantize(Bits = nameof(bits), Activations = nameof(activations))]
public sealed partial class StatsQAttentionCase(int dim, int heads, int tokens, int bits, int activations)
    : OneAttention(dim, heads, tokens);

[Quantize(Bits = nameof(bits), Activations = nameof(activations), Weights = WeightQuantizer.Lsq)]
public sealed partial class LsqAttentionCase(int dim, int heads, int tokens, int bits, int activations)
    : OneAttention(dim, heads, tokens);

[Quantize(Bits = nameof(bits), Activations = nameof(activations)), Qkr]
public sealed partial class QkrAttentionCase(int dim, int heads, int tokens, int bits, int activations)
    : OneAttention(dim, heads, tokens);

[Quantize(Bits = nameof(bits), Activations = nameof(activations), Oscillation = Oscillation.Cga), Qkr]
public sealed partial class CgaQkrAttentionCase(int dim, int heads, int tokens, int bits, int activations)
    : OneAttention(dim, heads, tokens);

[Quantize(Bits = nameof(bits), Activations = nameof(activations))]
public sealed partial class WindowAttentionCase(int dim, int heads, int window, int shift, int bits, int activations)
    : OneWindowAttention(dim, heads, window, shift);

[Quantize(Bits = nameof(bits), Activations = nameof(activations)), Qkr]
public sealed partial class QkrWindowAttentionCase(int dim, int heads, int window, int shift, int bits, int activations)
    : OneWindowAttention(dim, heads, window, shift);

[Quantize(Bits = nameof(bits), Activations = nameof(activations))]
public sealed partial class StatsQDeiTCase(
    int image, int patch, int dim, int depth, int heads, int classes, int ratio, int bits, int activations)
    : DeiT(image, patch, dim, depth, heads, classes, mlpRatio: ratio);

[Quantize(Bits = nameof(bits), Activations = nameof(activations), Weights = WeightQuantizer.Lsq)]
public sealed partial class LsqDeiTCase(
    int image, int patch, int dim, int depth, int heads, int classes, int ratio, int bits, int activations)
    : DeiT(image, patch, dim, depth, heads, classes, mlpRatio: ratio);

[Quantize(Bits = nameof(bits), Activations = nameof(activations)), Qkr]
public sealed partial class QkrDeiTCase(
    int image, int patch, int dim, int depth, int heads, int classes, int ratio, int bits, int activations)
    : DeiT(image, patch, dim, depth, heads, classes, mlpRatio: ratio);
