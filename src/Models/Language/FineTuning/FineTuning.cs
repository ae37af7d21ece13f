using Marrow.Models;

namespace Marrow.Language;

/// <summary>
/// Fine-tunes a model on texts with one method and one seed: starts what must be started, trains, measures on held-out
/// texts. It prints nothing; progress is told step by step. A run that is stopped or killed goes on from its
/// checkpoint.
/// </summary>
public sealed class FineTuning : IDisposable
{
    private readonly ICausalModel model;
    private readonly TextSplit texts;
    private readonly FineTuningOptions options;
    private readonly TextTraining training;
    private readonly List<double> milliseconds = [];

    /// <summary>Prepares a run; takes up the state of its checkpoint if there is one.</summary>
    /// <param name="model">The model, with its base loaded; what of it requires gradients is trained.</param>
    /// <param name="texts">The texts.</param>
    /// <param name="options">The recipe.</param>
    /// <exception cref="ArgumentException">There is nothing to learn, or a text does not fit the model.</exception>
    /// <exception cref="CheckpointException">The checkpoint cannot be read or is another model's.</exception>
    public FineTuning(ICausalModel model, TextSplit texts, FineTuningOptions options)
    {
        (this.model, this.texts, this.options) = (model, texts, options);
        var batches = new TextBatches(texts.Training, options.BatchSize, (ulong)options.Seed, options.Grouping);
        var device = model.Module.parameters().First().device;
        if (model.AdaptedLayers().Any(layer => !layer.Layer.Adaptation.IsStarted))
        {
            model.StartLoraGa(options.StartBatches, number => TextTraining.Loss(model, batches[number, device]));
        }

        training = new(model, batches, options.Training with
        {
            Evaluation = options.EvaluateEvery > 0 && texts.HeldOut.Count > 0
                ? new(
                    () => TextLoss.Of(model, texts.HeldOut, options.BatchSize),
                    options.EvaluateEvery,
                    HigherIsBetter: false,
                    options.Patience)
                : null,
        });
    }

    /// <summary>Steps taken.</summary>
    public int Step => training.Step;

    /// <summary>The loss of every step, those before a resumption too.</summary>
    public IReadOnlyList<double> Losses => training.Losses;

    /// <summary>The time of every step that this process took.</summary>
    public IReadOnlyList<double> Milliseconds => milliseconds;

    /// <summary>The held-out losses with the steps after which they were measured.</summary>
    public IReadOnlyList<(int Step, double Loss)> HeldOutLosses =>
    [
        .. training.Scores.Select((loss, number) =>
            (Math.Min((number + 1) * options.EvaluateEvery, options.Training.Steps), loss)),
    ];

    /// <summary>How many parameters training changes.</summary>
    public static long Trainable(IModel model) =>
        model.Module.parameters().Where(parameter => parameter.requires_grad).Sum(parameter => parameter.numel());

    /// <summary>Takes the steps that are left.</summary>
    /// <param name="progress">Hears of every step.</param>
    /// <param name="stop">Stops after the present step, with the state saved.</param>
    /// <exception cref="TrainingException">A loss or gradient is not finite.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public void Run(IProgress<TextTrainingProgress>? progress = null, CancellationToken stop = default) =>
        training.Run(
            step =>
            {
                milliseconds.Add(step.Milliseconds);
                progress?.Report(step);
            },
            stop);

    /// <summary>What the model does with the held-out texts now.</summary>
    /// <param name="encoder">How problems are written for it; null: they are not solved.</param>
    /// <param name="stop">Stops between two tokens.</param>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public FineTuningScore Score(IInstructionEncoder? encoder, CancellationToken stop = default) =>
        FineTuningScore.Of(model, texts, encoder, options.BatchSize, options.SolvedAtOnce, stop);

    /// <inheritdoc/>
    public void Dispose() => training.Dispose();
}
