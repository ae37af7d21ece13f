namespace Marrow;

/// <summary>
/// How a training treats oscillating weights of quantized layers, where these ask for it: CGA after the other steps,
/// iterative freezing and dampening in them. A model without quantized weights knows none of it.
/// </summary>
public sealed record OscillationOptions
{
    /// <summary>Steps of the annealing phase that follow the others (<see cref="Annealing"/>).</summary>
    public int AnnealingSteps { get; init; }

    /// <summary>Highest learning rate of the annealing phase, which falls along a cosine.</summary>
    public double AnnealingRate { get; init; } = 1e-4;

    /// <summary>
    /// First and last frequency above which iterative freezing freezes a weight, with a cosine between (arXiv
    /// 2203.11086).
    /// </summary>
    public (double First, double Last) FreezeThreshold { get; init; } = (0.04, 0.01);

    /// <summary>Last weight of the dampening loss; it grows from 0 along a cosine.</summary>
    public double Dampening { get; init; } = 1e-3;
}
