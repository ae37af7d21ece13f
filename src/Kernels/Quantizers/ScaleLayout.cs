using static TorchSharp.torch;

namespace Marrow.Kernels.Quantizers;

/// <summary>
/// A tensor viewed as a matrix whose elements take their scale by row index modulo the number of scales, or by column.
/// </summary>
/// <param name="Rows">Number of rows.</param>
/// <param name="Columns">Number of columns.</param>
/// <param name="Steps">Number of scales.</param>
/// <param name="IsPerColumn">Whether each column has a scale.</param>
internal readonly record struct ScaleLayout(int Rows, int Columns, int Steps, bool IsPerColumn)
{
    /// <summary>Elements that share a scale.</summary>
    public long Count => (long)Rows * Columns / Steps;

    /// <summary>Scales, shaped to broadcast over <see cref="Grouped"/>.</summary>
    public Tensor Spread(Tensor steps) => IsPerColumn ? steps.view(1, 1, Columns) : steps.view(1, Steps, 1);

    /// <summary>x as [groups, scales (or all rows), columns].</summary>
    public Tensor Grouped(Tensor x) =>
        IsPerColumn ? x.reshape(1, Rows, Columns) : x.reshape(Rows / Steps, Steps, Columns);

    /// <summary>Sums over the elements that share a scale: [groups, …, columns] to [scales].</summary>
    public Tensor Gather(Tensor grouped) => IsPerColumn ? grouped.sum([0, 1]) : grouped.sum([0, 2]);

    /// <summary>A shift, shaped to broadcast over <see cref="Parts"/> of x.</summary>
    public Tensor SpreadShift(Tensor shift) => shift.view(1, shift.numel() / Columns, Columns);

    /// <summary>x as [groups, parts of the shift, columns].</summary>
    public Tensor Parts(Tensor x, Tensor shift)
    {
        var parts = shift.numel() / Columns;
        return parts * Columns == shift.numel() && Rows % parts == 0
            ? x.reshape(Rows / parts, parts, Columns)
            : throw new ArgumentException(
                $"A shift of {shift.numel()} entries does not fit rows of {Columns}.", nameof(shift));
    }
}
