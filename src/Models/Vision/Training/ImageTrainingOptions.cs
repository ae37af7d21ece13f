using Microsoft.Extensions.Logging;

namespace Marrow.Vision;

/// <summary>
/// How an image classifier is trained; defaults are the recipe of DeiT and of oscillation-free quantization.
/// </summary>
public sealed record ImageTrainingOptions
{
    /// <summary>Optimizer steps.</summary>
    public int Steps { get; init; } = 1000;

    /// <summary>Steps of the annealing phase that follow them, where layers ask for CGA.</summary>
    public int AnnealingSteps { get; init; }

    /// <summary>Images of a pass.</summary>
    public int BatchSize { get; init; } = 64;

    /// <summary>Passes whose gradients add up to one step.</summary>
    public int Accumulation { get; init; } = 1;

    /// <summary>Highest learning rate.</summary>
    public double LearningRate { get; init; } = 5e-4;

    /// <summary>Highest learning rate of the annealing phase.</summary>
    public double AnnealingRate { get; init; } = 1e-4;

    /// <summary>Steps over which the rate rises.</summary>
    public int WarmUp { get; init; } = 20;

    /// <summary>AdamW's decay.</summary>
    public double WeightDecay { get; init; } = 0.05;

    /// <summary>Part of the target that all classes share.</summary>
    public double LabelSmoothing { get; init; } = 0.1;

    /// <summary>α of mixup; 0: none.</summary>
    public double MixUp { get; init; }

    /// <summary>α of CutMix; 0: none.</summary>
    public double CutMix { get; init; }

    /// <summary>Largest norm of all gradients; 0: any.</summary>
    public double ClipNorm { get; init; } = 5;

    /// <summary>Decay of the average of the parameters; 0: none.</summary>
    public double AverageDecay { get; init; }

    /// <summary>Weight of the teacher's probabilities as targets.</summary>
    public double SoftDistillation { get; init; } = 1;

    /// <summary>Weight of the teacher's decisions as targets.</summary>
    public double HardDistillation { get; init; }

    /// <summary>
    /// First and last frequency above which iterative freezing freezes a weight, with a cosine between (arXiv
    /// 2203.11086).
    /// </summary>
    public (double First, double Last) FreezeThreshold { get; init; } = (0.04, 0.01);

    /// <summary>Last weight of the dampening loss; it grows from 0 along a cosine.</summary>
    public double Dampening { get; init; } = 1e-3;

    /// <summary>Order of images, augmentation, and mixing.</summary>
    public ulong Seed { get; init; }

    /// <summary>Where the state is saved, to resume from; null: nowhere.</summary>
    public string? Checkpoint { get; init; }

    /// <summary>Steps between saves.</summary>
    public int CheckpointEvery { get; init; } = 500;

    /// <summary>Folder for TensorBoard; null: none.</summary>
    public string? Log { get; init; }

    /// <summary>Steps between entries of the log and between counts of oscillation over all layers.</summary>
    public int LogEvery { get; init; } = 50;

    /// <summary>The application's log; null: none.</summary>
    public ILogger? Logger { get; init; }
}

/// <summary>How far a training is.</summary>
/// <param name="Step">Steps taken.</param>
/// <param name="Steps">Steps in all, annealing included.</param>
/// <param name="IsAnnealing">Whether this is the annealing phase.</param>
/// <param name="Loss">Loss of the last step.</param>
/// <param name="Rate">Its learning rate.</param>
/// <param name="Frozen">Share of annealed weights that were frozen in it.</param>
/// <param name="Milliseconds">Its time without reading data.</param>
public sealed record ImageTrainingProgress(
    int Step, int Steps, bool IsAnnealing, double Loss, double Rate, double Frozen, double Milliseconds);
