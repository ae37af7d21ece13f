namespace Marrow.Language;

/// <summary>How a base is fine-tuned on texts.</summary>
public sealed record FineTuningOptions
{
    /// <summary>The recipe; its evaluation is made of the options below.</summary>
    public TextTrainingOptions Training { get; init; } = new();

    /// <summary>Texts of a batch.</summary>
    public int BatchSize { get; init; } = 8;

    /// <summary>How texts come together in batches.</summary>
    public TextGrouping Grouping { get; init; }

    /// <summary>Decides the order of texts.</summary>
    public int Seed { get; init; } = 1;

    /// <summary>Steps between two measurements of the held-out loss; 0: none on the way.</summary>
    public int EvaluateEvery { get; init; }

    /// <summary>
    /// After how many measurements without a lower held-out loss the training ends, with the best state; null: never.
    /// </summary>
    public int? Patience { get; init; }

    /// <summary>Batches whose gradients LoRA-GA starts from.</summary>
    public int StartBatches { get; init; } = 4;

    /// <summary>Problems that are solved at once when the model is scored.</summary>
    public int SolvedAtOnce { get; init; } = 64;
}
