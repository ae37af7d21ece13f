using Marrow.Cuda;
using static TorchSharp.torch;

namespace Marrow.Quantization.Oscillations;

/// <summary>Confidence-guided annealing (CGA, arXiv 2302.02210, section 4.2): which weights go on.</summary>
internal static class Cga
{
    /// <summary>The entries of a weight that are frozen, bool [out, in]; the caller owns it.</summary>
    public static Tensor Confident(QuantizedWeight weight)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var (value, range) = (weight.Value().contiguous(), weight.Settings.BoundaryRange);
        return scope.MoveToOuter(weight.IsOdd && CudaStatsQ.For(value) is { } kernels
            ? CudaStatsQ.Confident(kernels, value, weight.Settings.Bits, range)
            : Confident(weight.GridPosition(), range));
    }

    /// <summary>
    /// The freeze rule: a weight is confident, and frozen, unless it lies within <paramref name="boundaryRange"/>
    /// levels of a boundary between two levels that the matrix uses. Boundaries lie at i + ½ for whole i.
    /// </summary>
    /// <param name="position">Positions on the grid (<see cref="QuantizedWeight.GridPosition"/>), any shape.</param>
    /// <param name="boundaryRange">In levels, 0 to 0.5.</param>
    /// <returns>bool, as position; the caller owns it.</returns>
    public static Tensor Confident(Tensor position, double boundaryRange)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var level = position.round();
        var below = position.floor(); // the boundary that a position can be near is the one above its floor
        var isBetweenLevels = below.ge(level.min()).logical_and_(below.lt(level.max()));
        var isNear = (position - below - 0.5).abs_().le(boundaryRange);
        return scope.MoveToOuter(isNear.logical_and_(isBetweenLevels).logical_not_());
    }
}
