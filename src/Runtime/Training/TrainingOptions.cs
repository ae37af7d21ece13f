using Microsoft.Extensions.Logging;

namespace Marrow;

/// <summary>How a model is trained.</summary>
public sealed record TrainingOptions
{
    /// <summary>Optimizer steps; those of an annealing phase come on top.</summary>
    public int Steps { get; init; } = 1000;

    /// <summary>Batches whose gradients add up to one step.</summary>
    public int Accumulation { get; init; } = 1;

    /// <summary>
    /// What a batch holds, if it is to be checked when a run is resumed: another accumulation or batch size would take
    /// other batches than those that were left. Null: not checked.
    /// </summary>
    public int? BatchSize { get; init; }

    /// <summary>
    /// The learning rate: <see cref="CosineSchedule"/>, <see cref="LinearSchedule"/>, <see cref="ConstantSchedule"/>,
    /// <see cref="OneCycleSchedule"/>, or your own.
    /// </summary>
    public ISchedule Rate { get; init; } = new ConstantSchedule(1e-3);

    /// <summary>Makes the optimizer of the trainable parameters; AdamW with a decay of 0.01 if not given.</summary>
    public Func<IReadOnlyList<TrainedParameter>, Optimizer> Optimizer { get; init; } =
        parameters => new FusedAdamW(parameters, weightDecay: 0.01);

    /// <summary>Largest norm of all gradients together; larger ones are scaled down. 0: any.</summary>
    public double ClipNorm { get; init; }

    /// <summary>Decay of the average of the parameters (<see cref="ExponentialAverage"/>); 0: none.</summary>
    public double AverageDecay { get; init; }

    /// <summary>How the model is measured on the way; null: not at all.</summary>
    public Evaluation? Evaluation { get; init; }

    /// <summary>How oscillation of quantized weights is treated; null: not at all.</summary>
    public OscillationOptions? Oscillation { get; init; } = new();

    /// <summary>Where the state is saved, to resume from; null: nowhere.</summary>
    public string? Checkpoint { get; init; }

    /// <summary>Steps between saves.</summary>
    public int CheckpointEvery { get; init; } = 200;

    /// <summary>Folder for TensorBoard; null: none.</summary>
    public string? Log { get; init; }

    /// <summary>Steps between entries for TensorBoard and <see cref="Logger"/>.</summary>
    public int LogEvery { get; init; } = 10;

    /// <summary>
    /// The application's log, which hears of the run's begin and end, of steps, scores and saves; null: none.
    /// </summary>
    public ILogger? Logger { get; init; }

    internal TrainingOptions Checked()
    {
        ArgumentOutOfRangeException.ThrowIfNegative(Steps);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(Accumulation);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(BatchSize ?? 1);
        ArgumentOutOfRangeException.ThrowIfNegative(ClipNorm);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(CheckpointEvery);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(LogEvery);
        if (AverageDecay is not (>= 0 and < 1))
        {
            throw new ArgumentOutOfRangeException(
                nameof(AverageDecay), AverageDecay, "The decay is 0 or more and below 1.");
        }

        if (Evaluation is { } evaluation)
        {
            ArgumentOutOfRangeException.ThrowIfNegativeOrZero(evaluation.Every);
            ArgumentOutOfRangeException.ThrowIfNegativeOrZero(evaluation.Patience ?? 1);
        }

        if (Oscillation is { } oscillation)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(oscillation.AnnealingSteps);
        }

        return this;
    }
}

/// <summary>How far a training is.</summary>
/// <param name="Step">Steps taken.</param>
/// <param name="Steps">Steps in all, annealing included.</param>
/// <param name="Loss">Loss of the last step, the mean over its batches by their weights.</param>
/// <param name="Rate">Its learning rate.</param>
/// <param name="GradientNorm">Norm of its gradients before clipping.</param>
/// <param name="Score">What was measured after it; null if nothing was.</param>
/// <param name="Frozen">
/// Share of the annealed weights that were frozen in it; null outside the annealing phase.
/// </param>
/// <param name="Milliseconds">Its time, without making batches and measuring.</param>
public sealed record TrainingProgress(
    int Step, int Steps, double Loss, double Rate, double GradientNorm, double? Score, double? Frozen,
        double Milliseconds);
