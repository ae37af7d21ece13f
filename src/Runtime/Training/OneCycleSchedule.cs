namespace Marrow;

/// <summary>
/// One cycle (arXiv 1708.07120) as PyTorch's <c>OneCycleLR</c> has it: half a cosine up to the peak and half a cosine
/// down to almost nothing. Momentum stays as it is.
/// </summary>
/// <param name="Peak">The highest rate.</param>
/// <param name="Steps">Steps in all.</param>
/// <param name="Rise">Share of the steps in which the rate rises.</param>
/// <param name="FirstDivisor">The first rate is the peak divided by this.</param>
/// <param name="LastDivisor">The last rate is the first divided by this.</param>
public sealed record OneCycleSchedule(
    double Peak, int Steps, double Rise = 0.3, double FirstDivisor = 25, double LastDivisor = 1e4) : ISchedule
{
    /// <inheritdoc/>
    public double Rate(int step)
    {
        var (first, top) = (Peak / FirstDivisor, (Rise * Steps) - 1);
        return top > 0 && step <= top
            ? Between(first, Peak, step / top)
            : Between(Peak, first / LastDivisor, Math.Min(1, (step - top) / (Steps - 1 - top)));
    }

    private static double Between(double start, double end, double share) =>
        end + ((start - end) * 0.5 * (1 + Math.Cos(Math.PI * share)));
}
