using static TorchSharp.torch;

namespace Marrow.Kernels.Quantizers;

/// <summary>
/// A tensor as rows and columns, such that the step of an element follows from its row modulo the number of steps, or
/// from its column.
/// </summary>
/// <param name="Rows">Number of rows.</param>
/// <param name="Columns">Their length.</param>
/// <param name="Steps">Number of steps.</param>
/// <param name="IsPerColumn">Whether the column decides.</param>
internal readonly record struct ScaleLayout(int Rows, int Columns, int Steps, bool IsPerColumn)
{
    /// <summary>How many elements share a step.</summary>
    public long Count => (long)Rows * Columns / Steps;

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
