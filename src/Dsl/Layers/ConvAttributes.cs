namespace Marrow;

/// <summary>A convolution over [batch, in, length]: TorchSharp's <c>Conv1d</c>.</summary>
/// <param name="inChannels">Channels of the input.</param>
/// <param name="outChannels">Channels of the output.</param>
/// <param name="kernel">Edge of the kernel.</param>
[AttributeUsage(AttributeTargets.Property, Inherited = false)]
public sealed class Conv1dAttribute(object inChannels, object outChannels, object kernel) : LayerAttribute
{
    /// <summary>Channels of the input.</summary>
    public object InChannels { get; } = inChannels;

    /// <summary>Channels of the output.</summary>
    public object OutChannels { get; } = outChannels;

    /// <summary>Edge of the kernel.</summary>
    public object Kernel { get; } = kernel;

    /// <summary>Step between two places of the kernel. 1 if not given.</summary>
    public object Stride { get; set; } = 1;

    /// <summary>Zeros around the input. 0 if not given.</summary>
    public object Padding { get; set; } = 0;

    /// <summary>Step between two entries of the kernel. 1 if not given.</summary>
    public object Dilation { get; set; } = 1;

    /// <summary>Groups of channels that do not mix. 1 if not given.</summary>
    public object Groups { get; set; } = 1;

    /// <summary>Whether a bias is added. True if not given.</summary>
    public object Bias { get; set; } = true;
}

/// <summary>
/// A convolution over [batch, in, depth, height, width] with a cubic kernel: TorchSharp's <c>Conv3d</c>.
/// </summary>
/// <param name="inChannels">Channels of the input.</param>
/// <param name="outChannels">Channels of the output.</param>
/// <param name="kernel">Edge of the kernel.</param>
[AttributeUsage(AttributeTargets.Property, Inherited = false)]
public sealed class Conv3dAttribute(object inChannels, object outChannels, object kernel) : LayerAttribute
{
    /// <summary>Channels of the input.</summary>
    public object InChannels { get; } = inChannels;

    /// <summary>Channels of the output.</summary>
    public object OutChannels { get; } = outChannels;

    /// <summary>Edge of the kernel.</summary>
    public object Kernel { get; } = kernel;

    /// <summary>Step between two places of the kernel. 1 if not given.</summary>
    public object Stride { get; set; } = 1;

    /// <summary>Zeros around the input. 0 if not given.</summary>
    public object Padding { get; set; } = 0;

    /// <summary>Step between two entries of the kernel. 1 if not given.</summary>
    public object Dilation { get; set; } = 1;

    /// <summary>Groups of channels that do not mix. 1 if not given.</summary>
    public object Groups { get; set; } = 1;

    /// <summary>Whether a bias is added. True if not given.</summary>
    public object Bias { get; set; } = true;
}
