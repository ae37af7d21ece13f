using Marrow.Models;
using static TorchSharp.torch;

namespace Marrow.Language;

/// <summary>
/// Fine-tunes a causal language model on batches of texts: whatever is trainable, with AdamW on a cosine, accumulation,
/// clipping, and the learning-rate ratios of LoRA+. The loss of a step is the mean over all its learned tokens, however
/// they are spread over batches. It is <see cref="Training{TBatch}"/> with a loss and a recipe.
/// </summary>
public sealed class TextTraining : IDisposable
{
    private readonly Training<TextBatch> training;

    /// <summary>Prepares a run; takes up the state of the options' checkpoint if there is one.</summary>
    /// <param name="model">The model, with its base loaded.</param>
    /// <param name="batches">What to train on.</param>
    /// <param name="options">The recipe.</param>
    /// <exception cref="ArgumentException">A text is longer than the model's context, or has ids that it has
    /// not.</exception>
    /// <exception cref="CheckpointException">The checkpoint cannot be read or is another model's.</exception>
    public TextTraining(ICausalModel model, TextBatches batches, TextTrainingOptions options)
    {
        RequireFit(model, batches);
        var device = model.Module.parameters().First().device;
        BatchLoss LossOf(TextBatch batch) => new(Loss(model, batch), batch.Learned);
        training = new(model, number => batches[number, device], LossOf, new()
        {
            Steps = options.Steps,
            Accumulation = options.Accumulation,
            BatchSize = batches.Size,
            Rate = Schedule(options),
            Optimizer = parameters => new FusedAdamW(parameters, options.WeightDecay),
            ClipNorm = options.ClipNorm,
            Evaluation = options.Evaluation,
            Oscillation = null,
            Checkpoint = options.Checkpoint,
            CheckpointEvery = options.CheckpointEvery,
            Log = options.Log,
            LogEvery = options.LogEvery,
            Logger = options.Logger,
        });
    }

    /// <summary>Steps taken.</summary>
    public int Step => training.Step;

    /// <summary>The loss of every step, those before a resumption too.</summary>
    public IReadOnlyList<double> Losses => training.Losses;

    /// <summary>What was measured, in order; empty without an evaluation.</summary>
    public IReadOnlyList<double> Scores => training.Scores;

    /// <summary>Takes the steps that are left.</summary>
    /// <param name="report">Hears of every step.</param>
    /// <param name="cancellation">Stops after the present step, with the state saved.</param>
    /// <exception cref="TrainingException">A loss or gradient is not finite; parameters are those before that
    /// step.</exception>
    /// <exception cref="OperationCanceledException">Training was stopped before its end.</exception>
    public void Run(Action<TextTrainingProgress>? report = null, CancellationToken cancellation = default) =>
        training.Run(
            step => report?.Invoke(
                new(step.Step, step.Steps, step.Loss, step.Rate, step.GradientNorm, step.Milliseconds, step.Score)),
            cancellation);

    /// <summary>
    /// The mean loss of a batch's learned tokens, with its graph; 0 if it has none. A model that ends with
    /// <see cref="CausalHead.Apply"/> computes the logits of many tokens in parts.
    /// </summary>
    public static Tensor Loss(ICausalModel model, TextBatch batch) =>
        CausalHead.Loss(model, batch.Ids, batch.Labels, TextBatches.Ignored, batch.Learned);

    /// <inheritdoc/>
    public void Dispose() => training.Dispose();

    private static ISchedule Schedule(TextTrainingOptions options)
    {
        var (peak, last) = (options.LearningRate, options.LastRate * options.LearningRate);
        return options.Schedule switch
        {
            RateSchedule.Linear => new LinearSchedule(peak, options.Steps, options.WarmUp, last),
            RateSchedule.Constant => new ConstantSchedule(peak, options.WarmUp),
            _ => new CosineSchedule(peak, options.Steps, options.WarmUp, last),
        };
    }

    /// <summary>Refuses texts at which the model would fail, in the middle of the training.</summary>
    private static void RequireFit(ICausalModel model, TextBatches batches)
    {
        var vocabulary = VocabularySize.Of(model);
        foreach (var (index, text) in batches.Rows.Index())
        {
            // The last id is only predicted.
            if (text.Length - 1 > model.Context)
            {
                throw new ArgumentException(
                    $"{TextBatches.Name(text, index)}: its {text.Length} tokens are more than the model's context of "
                    + $"{model.Context} holds; leave it out (InstructionEncoder.EncodeAll does), or cut it.",
                    nameof(batches));
            }

            if (Array.Find(text.Ids, id => id < 0 || id >= vocabulary) is var id && (id < 0 || id >= vocabulary))
            {
                throw new ArgumentException(
                    $"{TextBatches.Name(text, index)}: id {id} is not in the model's vocabulary of {vocabulary}; use "
                    + "the tokenizer that came with the model.",
                    nameof(batches));
            }
        }
    }
}
