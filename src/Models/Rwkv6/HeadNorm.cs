using static TorchSharp.torch;

namespace Marrow.Models;

/// <summary>
/// Normalization of each head by itself, with a scale and shift for every channel (a group norm over heads).
/// </summary>
/// <param name="width">Channels of all heads.</param>
/// <param name="heads">Number of heads.</param>
/// <param name="eps">Added to the variance.</param>
[Model]
public partial class HeadNorm(int width, int heads, double eps)
{
    /// <summary>The scale.</summary>
    [Parameter(nameof(width), Init = ParameterInit.Ones)]
    public partial Tensor Weight { get; }

    /// <summary>The shift.</summary>
    [Parameter(nameof(width))]
    public partial Tensor Bias { get; }

    /// <summary>x [batch, tokens, width] to the same shape.</summary>
    [Forward]
    private Tensor Network(Tensor x) =>
        nn.functional.group_norm(x.reshape(-1, width), heads, Weight, Bias, eps).view(x.shape);
}
