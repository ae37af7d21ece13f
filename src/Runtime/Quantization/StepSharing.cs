using static TorchSharp.torch;

namespace Marrow.Quantization;

/// <summary>Which elements of a tensor share a step.</summary>
public enum StepSharing
{
    /// <summary>One step for each index of the second-to-last dimension: the position (token) of [B, N, C] or [B, H, N, d].</summary>
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

/// <summary>
/// A tensor as rows and columns, such that the step of an element follows from its row modulo the number of steps, or
/// from its column.
/// </summary>
/// <param name="Rows">Number of rows.</param>
/// <param name="Columns">Their length.</param>
/// <param name="Steps">Number of steps.</param>
/// <param name="IsPerColumn">Whether the column decides.</param>
internal readonly record struct StepLayout(int Rows, int Columns, int Steps, bool IsPerColumn)
{
    /// <summary>How many elements share a step.</summary>
    public long Count => (long)Rows * Columns / Steps;

    /// <exception cref="ArgumentException">The shape does not suit the sharing.</exception>
    public static StepLayout Of(Tensor x, StepSharing sharing)
    {
        var shape = x.shape;
        var least = sharing switch { StepSharing.Position => 2, StepSharing.ImageChannel => 4, _ => 1 };
        if (shape.Length < least || x.numel() is 0 or > int.MaxValue)
        {
            throw new ArgumentException($"A tensor [{string.Join(", ", shape)}] cannot be quantized with one step per {sharing}.", nameof(x));
        }

        var columns = sharing switch
        {
            StepSharing.Row => x.numel() / shape[0],
            StepSharing.ImageChannel => shape[2] * shape[3],
            _ => shape[^1],
        };
        var steps = sharing switch
        {
            StepSharing.Position => shape[^2],
            StepSharing.Channel => shape[^1],
            StepSharing.Row => shape[0],
            StepSharing.ImageChannel => shape[1],
            _ => 1,
        };
        return new((int)(x.numel() / columns), (int)columns, (int)steps, sharing == StepSharing.Channel);
    }

    /// <summary>x as [rows, columns].</summary>
    public Tensor Cut(Tensor x) => x.reshape(Rows, Columns);

    /// <summary>Steps as a tensor that broadcasts over <see cref="Grouped"/>.</summary>
    public Tensor Spread(Tensor steps) => IsPerColumn ? steps.view(1, 1, Columns) : steps.view(1, Steps, 1);

    /// <summary>x as [groups, steps or all rows, columns].</summary>
    public Tensor Grouped(Tensor x) => IsPerColumn ? x.reshape(1, Rows, Columns) : x.reshape(Rows / Steps, Steps, Columns);

    /// <summary>A sum over the elements that share a step: [groups, …, columns] to [steps].</summary>
    public Tensor Gather(Tensor grouped) => IsPerColumn ? grouped.sum([0, 1]) : grouped.sum([0, 2]);

    /// <summary>A shift as a tensor that broadcasts over <see cref="Parts"/> of x.</summary>
    public Tensor SpreadShift(Tensor shift) => shift.view(1, shift.numel() / Columns, Columns);

    /// <summary>x as [groups, parts, columns]: rows repeat with the parts of a shift.</summary>
    public Tensor Parts(Tensor x, Tensor shift)
    {
        var parts = shift.numel() / Columns;
        return parts * Columns == shift.numel() && Rows % parts == 0
            ? x.reshape(Rows / parts, parts, Columns)
            : throw new ArgumentException($"A shift of {shift.numel()} entries does not fit rows of {Columns}.", nameof(shift));
    }
}
