using Marrow.Models;
using static TorchSharp.torch;

namespace Marrow.Vision;

/// <summary>
/// Trains an image classifier: AdamW on a cosine, label smoothing, distillation from a teacher, mixing, clipping,
/// accumulation, an average; oscillation measured and treated as the model's layers ask. It is
/// <see cref="Training{TBatch}"/> with these losses and this recipe.
/// </summary>
public sealed class ImageTraining : IDisposable
{
    private readonly nn.Module<Tensor, Tensor> model;
    private readonly nn.Module<Tensor, Tensor>? teacher;
    private readonly ImageTrainingOptions options;
    private readonly MixedBatches batches;
    private readonly Training<MixedBatch> training;

    /// <summary>Prepares a run; takes up the state of the options' checkpoint if there is one.</summary>
    /// <param name="model">
    /// The model; with a second head (<see cref="DeiT"/>) that head learns from the teacher.
    /// </param>
    /// <param name="images">What to train on.</param>
    /// <param name="transform">What makes inputs of images.</param>
    /// <param name="options">The recipe.</param>
    /// <param name="teacher">A trained model that sees the same inputs, or null.</param>
    public ImageTraining(
        nn.Module<Tensor, Tensor> model,
        ImageSet images,
        IImageTransform transform,
        ImageTrainingOptions options,
        nn.Module<Tensor, Tensor>? teacher = null)
    {
        (this.model, this.teacher, this.options) = (model, teacher, options);
        batches = new MixedBatches(images, transform, options, model.parameters().First());
        training = new((IModel)model, batches.Next, batch => new BatchLoss(Loss(batch), batch.Images.size(0)), new()
        {
            Steps = options.Steps,
            Accumulation = options.Accumulation,
            BatchSize = options.BatchSize,
            Rate = new CosineSchedule(options.LearningRate, options.Steps, options.WarmUp),
            Optimizer = parameters => new FusedAdamW(parameters, options.WeightDecay),
            ClipNorm = options.ClipNorm,
            AverageDecay = options.AverageDecay,
            Oscillation = new()
            {
                AnnealingSteps = options.AnnealingSteps,
                AnnealingRate = options.AnnealingRate,
                FreezeThreshold = options.FreezeThreshold,
                Dampening = options.Dampening,
            },
            Checkpoint = options.Checkpoint,
            CheckpointEvery = options.CheckpointEvery,
            Log = options.Log,
            LogEvery = options.LogEvery,
            Logger = options.Logger,
        });
    }

    /// <summary>Steps taken.</summary>
    public int Step => training.Step;

    /// <summary>Oscillation of the quantized weights; null if there are none.</summary>
    public OscillationTracker? Oscillations => training.Oscillations;

    /// <summary>Takes the steps that are left.</summary>
    /// <param name="report">Hears of every step.</param>
    /// <param name="cancellation">Stops after the present step, with the state saved.</param>
    /// <exception cref="TrainingException">A loss or gradient is not finite.</exception>
    /// <exception cref="OperationCanceledException">Training was stopped.</exception>
    public void Run(Action<ImageTrainingProgress>? report = null, CancellationToken cancellation = default)
    {
        teacher?.eval();
        batches.Begin((long)Step * options.Accumulation, cancellation);
        training.Run(
            step => report?.Invoke(new(
                step.Step,
                step.Steps,
                IsAnnealing: step.Step > options.Steps,
                step.Loss,
                step.Rate,
                step.Frozen ?? 0,
                step.Milliseconds)),
            cancellation);
    }

    /// <summary>Runs an action with the averaged parameters, if an average is kept.</summary>
    public T WithAverage<T>(Func<T> action) => training.WithAverage(action);

    /// <inheritdoc/>
    public void Dispose()
    {
        batches.Dispose();
        training.Dispose();
    }

    private Tensor Loss(MixedBatch batch)
    {
        using var scope = NewDisposeScope();
        var (images, targets) = batch;
        var (byClass, byTeacher) = model is DeiT deit ? deit.Logits(images) : (model.call(images), null);
        var loss = Losses.CrossEntropy(byClass, targets);
        if (teacher is not null)
        {
            Tensor taught;
            using (no_grad())
            {
                taught = teacher.call(images);
            }

            loss = loss + Losses.Distillation(
                byTeacher ?? byClass, taught, options.SoftDistillation, options.HardDistillation);
        }
        else if (byTeacher is not null)
        {
            loss = loss + Losses.CrossEntropy(byTeacher, targets);
        }

        return scope.MoveToOuter(loss);
    }
}
