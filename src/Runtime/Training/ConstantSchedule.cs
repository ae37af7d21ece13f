namespace Marrow;

/// <summary>A learning rate that rises linearly over the warm-up and then stays.</summary>
/// <param name="Peak">The rate.</param>
/// <param name="WarmUp">Steps of the rise.</param>
public sealed record ConstantSchedule(double Peak, int WarmUp = 0) : ISchedule
{
    /// <inheritdoc/>
    public double Rate(int step) => step < WarmUp ? Peak * (step + 1) / WarmUp : Peak;
}
