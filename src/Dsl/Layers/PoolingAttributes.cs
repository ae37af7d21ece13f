namespace Marrow;

/// <summary>
/// The largest value in each window of [batch, channels, length]: TorchSharp's <c>MaxPool1d</c>.
/// </summary>
/// <param name="kernel">Edge of the window.</param>
[AttributeUsage(AttributeTargets.Property, Inherited = false)]
public sealed class MaxPool1dAttribute(object kernel) : LayerAttribute
{
    /// <summary>Edge of the window.</summary>
    public object Kernel { get; } = kernel;

    /// <summary>Step between two windows. The kernel's edge if not given.</summary>
    public object? Stride { get; set; }

    /// <summary>Border around the input. 0 if not given.</summary>
    public object? Padding { get; set; }

    /// <summary>Whether windows may reach over the end. False if not given.</summary>
    public object CeilMode { get; set; } = false;
}

/// <summary>
/// The largest value in each window of [batch, channels, height, width]: TorchSharp's <c>MaxPool2d</c>.
/// </summary>
/// <param name="kernel">Edge of the window.</param>
[AttributeUsage(AttributeTargets.Property, Inherited = false)]
public sealed class MaxPool2dAttribute(object kernel) : LayerAttribute
{
    /// <summary>Edge of the window.</summary>
    public object Kernel { get; } = kernel;

    /// <summary>Step between two windows. The kernel's edge if not given.</summary>
    public object? Stride { get; set; }

    /// <summary>Border around the input. 0 if not given.</summary>
    public object? Padding { get; set; }

    /// <summary>Whether windows may reach over the end. False if not given.</summary>
    public object CeilMode { get; set; } = false;
}

/// <summary>The mean of each window of [batch, channels, length]: TorchSharp's <c>AvgPool1d</c>.</summary>
/// <param name="kernel">Edge of the window.</param>
[AttributeUsage(AttributeTargets.Property, Inherited = false)]
public sealed class AvgPool1dAttribute(object kernel) : LayerAttribute
{
    /// <summary>Edge of the window.</summary>
    public object Kernel { get; } = kernel;

    /// <summary>Step between two windows. The kernel's edge if not given.</summary>
    public object? Stride { get; set; }

    /// <summary>Border around the input. 0 if not given.</summary>
    public object? Padding { get; set; }

    /// <summary>Whether windows may reach over the end. False if not given.</summary>
    public object CeilMode { get; set; } = false;
}

/// <summary>
/// The mean of each window of [batch, channels, height, width]: TorchSharp's <c>AvgPool2d</c>.
/// </summary>
/// <param name="kernel">Edge of the window.</param>
[AttributeUsage(AttributeTargets.Property, Inherited = false)]
public sealed class AvgPool2dAttribute(object kernel) : LayerAttribute
{
    /// <summary>Edge of the window.</summary>
    public object Kernel { get; } = kernel;

    /// <summary>Step between two windows. The kernel's edge if not given.</summary>
    public object? Stride { get; set; }

    /// <summary>Border around the input. 0 if not given.</summary>
    public object? Padding { get; set; }

    /// <summary>Whether windows may reach over the end. False if not given.</summary>
    public object CeilMode { get; set; } = false;
}

/// <summary>
/// Means over as many windows as the output has places, of [batch, channels, length]: TorchSharp's
/// <c>AdaptiveAvgPool1d</c>.
/// </summary>
/// <param name="outputSize">Places of the output, along each edge.</param>
[AttributeUsage(AttributeTargets.Property, Inherited = false)]
public sealed class AdaptiveAvgPool1dAttribute(object outputSize) : LayerAttribute
{
    /// <summary>Places of the output, along each edge.</summary>
    public object OutputSize { get; } = outputSize;
}

/// <summary>
/// Means over as many windows as the output has places, of [batch, channels, height, width]: TorchSharp's
/// <c>AdaptiveAvgPool2d</c>.
/// </summary>
/// <param name="outputSize">Places of the output, along each edge.</param>
[AttributeUsage(AttributeTargets.Property, Inherited = false)]
public sealed class AdaptiveAvgPool2dAttribute(object outputSize) : LayerAttribute
{
    /// <summary>Places of the output, along each edge.</summary>
    public object OutputSize { get; } = outputSize;
}
