namespace Marrow;

/// <summary>A learning rate that rises linearly over the warm-up and then falls along a line.</summary>
/// <param name="Peak">The highest rate.</param>
/// <param name="Steps">Steps in all.</param>
/// <param name="WarmUp">Steps of the rise.</param>
/// <param name="Floor">The last rate.</param>
public sealed record LinearSchedule(double Peak, int Steps, int WarmUp = 0, double Floor = 0) : ISchedule
{
    /// <inheritdoc/>
    public double Rate(int step) => step < WarmUp
        ? Peak * (step + 1) / WarmUp
        : Peak + ((Floor - Peak) * Math.Min(1, (double)(step - WarmUp) / Math.Max(1, Steps - WarmUp)));
}
