using Microsoft.Extensions.Logging;

namespace Marrow.Language;

/// <summary>
/// How a language model is fine-tuned; defaults are the Bone paper's recipe for LLaMA2 on MetaMathQA where it states
/// one.
/// </summary>
public sealed record TextTrainingOptions
{
    /// <summary>Optimizer steps.</summary>
    public int Steps { get; init; } = 1000;

    /// <summary>Batches whose gradients add up to one step.</summary>
    public int Accumulation { get; init; } = 1;

    /// <summary>How the learning rate falls after the warm-up.</summary>
    public RateSchedule Schedule { get; init; }

    /// <summary>Highest learning rate.</summary>
    public double LearningRate { get; init; } = 2e-5;

    /// <summary>Steps over which the rate rises.</summary>
    public int WarmUp { get; init; }

    /// <summary>Last learning rate as a part of the highest.</summary>
    public double LastRate { get; init; }

    /// <summary>AdamW's decay.</summary>
    public double WeightDecay { get; init; }

    /// <summary>Largest norm of all gradients; 0: any.</summary>
    public double ClipNorm { get; init; } = 1;

    /// <summary>How the model is measured on the way; null: not at all.</summary>
    public Evaluation? Evaluation { get; init; }

    /// <summary>Where the state is saved, to resume from; null: nowhere.</summary>
    public string? Checkpoint { get; init; }

    /// <summary>Steps between saves.</summary>
    public int CheckpointEvery { get; init; } = 200;

    /// <summary>Folder for TensorBoard; null: none.</summary>
    public string? Log { get; init; }

    /// <summary>Steps between entries for TensorBoard and <see cref="Logger"/>.</summary>
    public int LogEvery { get; init; } = 1;

    /// <summary>The application's log; null: none.</summary>
    public ILogger? Logger { get; init; }
}

/// <summary>How a learning rate falls after its warm-up.</summary>
public enum RateSchedule
{
    /// <summary>Along half a cosine.</summary>
    Cosine,

    /// <summary>Along a line.</summary>
    Linear,

    /// <summary>Not at all.</summary>
    Constant,
}

/// <summary>How far a training is.</summary>
/// <param name="Step">Steps taken.</param>
/// <param name="Steps">Steps in all.</param>
/// <param name="Loss">Mean loss of the last step's learned tokens.</param>
/// <param name="Rate">Its learning rate.</param>
/// <param name="GradientNorm">Norm of its gradients before clipping.</param>
/// <param name="Milliseconds">Its time without making batches.</param>
/// <param name="Score">What was measured after it; null if nothing was.</param>
public sealed record TextTrainingProgress(
    int Step, int Steps, double Loss, double Rate, double GradientNorm, double Milliseconds, double? Score = null);
