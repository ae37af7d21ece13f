using System.ComponentModel;
using static TorchSharp.torch;

namespace Marrow.CompilerServices;

/// <summary>What a convolution is to be.</summary>
/// <param name="Name">Name from the model's root.</param>
/// <param name="InChannels">Channels of the input.</param>
/// <param name="OutChannels">Channels of the output.</param>
/// <param name="Kernel">Edge of the kernel.</param>
/// <param name="Stride">Step between two places of the kernel.</param>
/// <param name="Padding">Zeros around the image.</param>
/// <param name="Groups">Groups of channels that do not mix.</param>
/// <param name="HasBias">Whether a bias is added.</param>
/// <param name="Tokens">Pixels of the input image, or null.</param>
/// <param name="Dtype">Type of the parameters.</param>
/// <param name="Device">Device of the parameters.</param>
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed record Conv2dSite(
    string Name,
    long InChannels,
    long OutChannels,
    long Kernel,
    long Stride,
    long Padding,
    long Groups,
    bool HasBias,
    long? Tokens,
    ScalarType Dtype,
    Device Device)
{
    /// <summary>What the weight starts with; null: PyTorch's values.</summary>
    public Initialization? Init { get; init; }
}
