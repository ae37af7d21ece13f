using System.Diagnostics;
using Marrow.Models;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Marrow.Vision;

/// <summary>
/// Trains an image classifier: AdamW on a cosine, label smoothing, distillation from a teacher, mixing, clipping,
/// accumulation, an average; oscillation measured and treated as the model's layers ask. A run that is stopped and
/// resumed takes the same steps as one that was not.
/// </summary>
public sealed class ImageTraining : IDisposable
{
    private readonly nn.Module<Tensor, Tensor> model;
    private readonly nn.Module<Tensor, Tensor>? teacher;
    private readonly ImageTrainingOptions options;
    private readonly ImageLoader loader;
    private readonly MixUp mixing;
    private readonly int classes;
    private readonly FusedAdamW optimizer;
    private readonly Annealing? annealing;
    private readonly ExponentialAverage? average;
    private readonly TrainingState state;
    private readonly SummaryWriter? log;

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
        (this.model, this.teacher, this.options, classes) = (model, teacher, options, images.Classes.Count);
        loader = new ImageLoader(images, transform, options.BatchSize, options.Seed);
        if (loader.Batches == 0)
        {
            throw new TrainingException(
                $"{images.Count} images do not fill a batch of {options.BatchSize}; use a smaller batch.");
        }

        mixing = new MixUp(options.MixUp, options.CutMix);
        optimizer = new FusedAdamW(TrainedParameter.Of(model), options.WeightDecay);
        var quantized = (IModel)model;
        Oscillations = quantized.QuantizedWeights().Any() ? new OscillationTracker(quantized) : null;
        annealing = options.AnnealingSteps > 0 ? new Annealing(quantized) : null;
        average = options.AverageDecay > 0 ? new ExponentialAverage(model, options.AverageDecay) : null;
        state = new TrainingState(quantized, optimizer, Oscillations, average);
        log = options.Log is null ? null : utils.tensorboard.SummaryWriter(options.Log);
        if (options.Checkpoint is { } path && File.Exists(path))
        {
            Step = state.Restore(path);
        }
    }

    /// <summary>Steps taken.</summary>
    public int Step { get; private set; }

    /// <summary>Oscillation of the quantized weights; null if there are none.</summary>
    public OscillationTracker? Oscillations { get; }

    private int AllSteps => options.Steps + options.AnnealingSteps;

    /// <summary>Takes the steps that are left.</summary>
    /// <param name="report">Hears of every step.</param>
    /// <param name="cancellation">Stops after the present step, with the state saved.</param>
    /// <exception cref="TrainingException">A loss or gradient is not finite.</exception>
    /// <exception cref="OperationCanceledException">Training was stopped.</exception>
    public void Run(Action<ImageTrainingProgress>? report = null, CancellationToken cancellation = default)
    {
        model.train();
        teacher?.eval();
        using var batches = Batches(cancellation).GetEnumerator();
        while (Step < AllSteps)
        {
            var progress = Take(batches);
            report?.Invoke(progress);
            Log(progress);
            if (options.Checkpoint is { } path
                && (Step % options.CheckpointEvery == 0 || Step == AllSteps || cancellation.IsCancellationRequested))
            {
                state.Save(path, Step);
            }

            cancellation.ThrowIfCancellationRequested();
        }
    }

    /// <summary>Runs an action with the averaged parameters, if an average is kept.</summary>
    public T WithAverage<T>(Func<T> action)
    {
        average?.Swap();
        try
        {
            return action();
        }
        finally
        {
            average?.Swap();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        optimizer.Dispose();
        annealing?.Dispose();
        average?.Dispose();
        Oscillations?.Dispose();
    }

    private IEnumerable<ImageBatch> Batches(CancellationToken cancellation)
    {
        for (var pass = Step * options.Accumulation; ; pass = ((pass / loader.Batches) + 1) * loader.Batches)
        {
            foreach (var batch in loader.Epoch(pass / loader.Batches, pass % loader.Batches, cancellation))
            {
                yield return batch;
            }
        }
    }

    private ImageTrainingProgress Take(IEnumerator<ImageBatch> batches)
    {
        using var scope = NewDisposeScope();
        var isAnnealing = Step >= options.Steps;
        var rate = isAnnealing
            ? new CosineSchedule(options.AnnealingRate, options.AnnealingSteps).Rate(Step - options.Steps)
            : new CosineSchedule(options.LearningRate, options.Steps, options.WarmUp).Rate(Step);
        var random = Seeds.Random(options.Seed, (ulong)Step, ulong.MaxValue - 1);
        optimizer.ZeroGradients();
        var (loss, watch) = (0.0, new Stopwatch());
        for (var pass = 0; pass < options.Accumulation; pass++)
        {
            batches.MoveNext();
            using var batch = batches.Current;
            watch.Start();
            loss += Pass(batch, random) / options.Accumulation;
            watch.Stop();
        }

        watch.Start();
        var frozen = isAnnealing ? annealing : null;
        frozen?.BeforeStep();
        if (!double.IsFinite(
            nn.utils.clip_grad_norm_(model.parameters(), options.ClipNorm > 0 ? options.ClipNorm : float.MaxValue))
            && TrainingException.OfGradients(Step, model) is { } fault)
        {
            throw fault;
        }

        optimizer.Step(rate, frozen?.Frozen);
        average?.Update();
        Oscillations?.Update(Step < options.Steps ? FreezeThreshold() : 0);
        Step++;
        return new(Step, AllSteps, isAnnealing, loss, rate, frozen?.FrozenShare ?? 0, watch.Elapsed.TotalMilliseconds);
    }

    /// <summary>Forward and backward of one batch; its loss.</summary>
    private double Pass(ImageBatch batch, Random random)
    {
        using var scope = NewDisposeScope();
        var targets = mixing.Apply(
            batch.Images, Losses.SmoothTargets(batch.Labels, classes, options.LabelSmoothing), random);
        Tensor loss;
        try
        {
            loss = Loss(batch.Images, targets);
        }
        catch (ArithmeticException)
        {
            throw TrainingException.OfLoss(Step, model, () => Loss(batch.Images, targets));
        }

        var value = loss.to(ScalarType.Float64).item<double>();
        if (!double.IsFinite(value))
        {
            throw TrainingException.OfLoss(Step, model, () => Loss(batch.Images, targets));
        }

        (loss / options.Accumulation).backward();
        return value;
    }

    private Tensor Loss(Tensor images, Tensor targets)
    {
        using var scope = NewDisposeScope();
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

        if (Dampening.Loss((IModel)model) is { } distance)
        {
            loss = loss + (distance * (options.Dampening * Progress()));
        }

        return scope.MoveToOuter(loss);
    }

    /// <summary>From 0 to 1 along half a cosine.</summary>
    private double Progress() => 0.5 * (1 - Math.Cos(Math.PI * Math.Min(1, (double)Step / options.Steps)));

    private double FreezeThreshold() =>
        options.FreezeThreshold.First + ((options.FreezeThreshold.Last - options.FreezeThreshold.First) * Progress());

    private void Log(ImageTrainingProgress progress)
    {
        if (log is null || (progress.Step % options.LogEvery != 0 && progress.Step != AllSteps))
        {
            return;
        }

        log.add_scalar("loss", (float)progress.Loss, progress.Step);
        log.add_scalar("rate", (float)progress.Rate, progress.Step);
        if (progress.IsAnnealing)
        {
            log.add_scalar("annealing/frozen", (float)progress.Frozen, progress.Step);
        }

        if (Oscillations is null)
        {
            return;
        }

        foreach (var weight in Oscillations.Weights().Append(Oscillations.Overall()))
        {
            log.add_scalar($"oscillating/{weight.Name}", (float)weight.Oscillating, progress.Step);
            log.add_scalar($"frequency/{weight.Name}", (float)weight.MeanFrequency, progress.Step);
            log.add_scalar($"changing/{weight.Name}", (float)weight.Changing, progress.Step);
            log.add_scalar($"level_width/{weight.Name}", (float)weight.LevelWidth, progress.Step);
        }
    }
}
