namespace Marrow;

/// <summary>A convolution over images [batch, in, height, width] with a square kernel.</summary>
/// <param name="inChannels">Channels of the input.</param>
/// <param name="outChannels">Channels of the output.</param>
/// <param name="kernel">Edge of the kernel.</param>
[AttributeUsage(AttributeTargets.Property, Inherited = false)]
public sealed class Conv2dAttribute(object inChannels, object outChannels, object kernel) : LayerAttribute
{
    /// <summary>Channels of the input.</summary>
    public object InChannels { get; } = inChannels;

    /// <summary>Channels of the output.</summary>
    public object OutChannels { get; } = outChannels;

    /// <summary>Edge of the kernel.</summary>
    public object Kernel { get; } = kernel;

    /// <summary>Whether a bias is added: a constant or an expression. True if not given.</summary>
    public object Bias { get; set; } = true;

    /// <summary>Step between two places of the kernel. 1 if not given.</summary>
    public object Stride { get; set; } = 1;

    /// <summary>Zeros around the image. 0 if not given.</summary>
    public object Padding { get; set; } = 0;

    /// <summary>Groups of channels that do not mix. 1 if not given.</summary>
    public object Groups { get; set; } = 1;

    /// <summary>Pixels of the input image, which quantizers' shifts need. Any image if not given.</summary>
    public object? Tokens { get; set; }

    /// <summary>
    /// What the weight starts with; a bias starts with zeros then. PyTorch's own values for the layer if not given.
    /// </summary>
    public ParameterInit Init { get; set; }

    /// <summary>
    /// With <see cref="ParameterInit.Normal"/>: the standard deviation, a constant or an expression
    /// (<c>"0.02 / Math.Sqrt(2 * depth)"</c>). 0.02 if not given.
    /// </summary>
    public object Std { get; set; } = 0.02;
}
