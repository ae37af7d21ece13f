using System.ComponentModel;
using Marrow.Kernels.Quantizers;
using static TorchSharp.torch;

namespace Marrow.CompilerServices;

/// <summary>Which elements of a tensor share a step.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public enum ScaleGranularity
{
    /// <summary>
    /// One step for each index of the second-to-last dimension: the position (token) of [B, N, C] or [B, H, N, d].
    /// </summary>
    Position,

    /// <summary>One step for each index of the last dimension.</summary>
    Channel,

    /// <summary>One step for each index of the first dimension: an output feature of a weight.</summary>
    Row,

    /// <summary>One step for each channel of [B, C, H, W].</summary>
    ImageChannel,

    /// <summary>A single step.</summary>
    Tensor,
}

/// <summary>How a sharing lays out the scales of a tensor.</summary>
internal static class ScaleGranularityExtensions
{
    /// <exception cref="ArgumentException">The shape does not suit the sharing.</exception>
    public static ScaleLayout LayoutOf(this ScaleGranularity sharing, Tensor x)
    {
        var shape = x.shape;
        var least = sharing switch { ScaleGranularity.Position => 2, ScaleGranularity.ImageChannel => 4, _ => 1 };
        if (shape.Length < least || x.numel() == 0)
        {
            throw Fault();
        }

        var columns = sharing switch
        {
            ScaleGranularity.Row => x.numel() / shape[0],
            ScaleGranularity.ImageChannel => shape[2] * shape[3],
            _ => shape[^1],
        };
        var steps = sharing switch
        {
            ScaleGranularity.Position => shape[^2],
            ScaleGranularity.Channel => shape[^1],
            ScaleGranularity.Row => shape[0],
            ScaleGranularity.ImageChannel => shape[1],
            _ => 1,
        };
        var rows = x.numel() / columns;

        // The CPU's kernels count entries in 32 bits, CUDA's rows and columns alone.
        return (x.device_type == TorchSharp.DeviceType.CPU ? x.numel() : Math.Max(rows, columns)) <= int.MaxValue
            ? new((int)rows, (int)columns, (int)steps, sharing == ScaleGranularity.Channel)
            : throw Fault();

        ArgumentException Fault() => new(
            $"A tensor [{string.Join(", ", shape)}] cannot be quantized with one step per {sharing}.", nameof(x));
    }
}
