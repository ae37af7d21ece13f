using System.Diagnostics;
using System.Globalization;
using static TorchSharp.torch;

namespace Marrow;

/// <summary>
/// Trains any model by any loss: schedules, accumulation by weight, clipping, an average of the parameters, evaluation
/// and early stopping; oscillation of quantized weights is treated as their layers ask. A run that is stopped, or
/// killed, and resumed takes the same steps as one that was not, bit for bit. A loss or gradient that is not finite
/// stops it, and the place is named.
/// </summary>
/// <remarks>
/// Parameters of 16 bits are moved by way of copies in 32 (<see cref="Optimizer"/>); nothing scales the loss, so
/// float16, whose gradients underflow, is for frozen bases.
/// </remarks>
/// <typeparam name="TBatch">
/// A batch: a tuple of tensors, a record, … One that is disposable, and no tensor, is disposed after its pass.
/// </typeparam>
public sealed class Training<TBatch> : IDisposable
{
    private readonly IModel model;
    private readonly Func<long, TBatch> batches;
    private readonly Func<TBatch, BatchLoss> loss;
    private readonly TrainingOptions options;
    private readonly Optimizer optimizer;
    private readonly OscillationTreatment? oscillation;
    private readonly ExponentialAverage? average;
    private readonly Evaluations? evaluations;
    private readonly TrainingState state;
    private readonly TrainingLog? log;
    private readonly List<double> losses = [];
    private readonly Device device;
    private bool isStopped;

    /// <summary>Prepares a run; takes up the state of the options' checkpoint if there is one.</summary>
    /// <param name="model">The model; what of it requires gradients is trained.</param>
    /// <param name="batches">
    /// The batch of a number, counted from 0 over the whole run: step n takes the numbers from n times
    /// <see cref="TrainingOptions.Accumulation"/> on. The number alone decides which batch it is; that makes resuming
    /// exact. Tensors that are made here are freed after the pass.
    /// </param>
    /// <param name="loss">The mean loss of a batch, a scalar with its graph.</param>
    /// <param name="options">The recipe.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range.</exception>
    /// <exception cref="CheckpointException">The checkpoint cannot be read or is another model's.</exception>
    public Training(IModel model, Func<long, TBatch> batches, Func<TBatch, Tensor> loss, TrainingOptions options)
        : this(model, batches, batch => new BatchLoss(loss(batch), 1), options)
    {
    }

    /// <summary>The same with batches that do not count alike.</summary>
    /// <param name="model">The model; what of it requires gradients is trained.</param>
    /// <param name="batches">The batch of a number, counted from 0 over the whole run.</param>
    /// <param name="loss">The mean loss of a batch and its weight.</param>
    /// <param name="options">The recipe.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range.</exception>
    /// <exception cref="CheckpointException">The checkpoint cannot be read or is another model's.</exception>
    public Training(IModel model, Func<long, TBatch> batches, Func<TBatch, BatchLoss> loss, TrainingOptions options)
    {
        (this.model, this.batches, this.loss, this.options) = (model, batches, loss, options.Checked());
        device = model.Module.parameters().FirstOrDefault()?.device ?? CPU;
        optimizer = options.Optimizer(TrainedParameter.Of(model.Module));
        oscillation = options.Oscillation is { } treated && model.QuantizedWeights().Any()
            ? new OscillationTreatment(model, treated, options.Steps)
            : null;
        average = options.AverageDecay > 0 ? new ExponentialAverage(model.Module, options.AverageDecay) : null;
        evaluations = options.Evaluation is { } evaluation ? new Evaluations(model, evaluation) : null;
        state = new TrainingState(model, optimizer, Oscillations, average, losses)
        {
            Evaluations = evaluations,
            Recipe = Recipe(),
            Steps = Steps,
        };
        log = options.Log is { } folder ? new TrainingLog(folder, options.LogEvery, Oscillations) : null;
        if (options.Checkpoint is { } path)
        {
            OutputFolder.RequireWritable(Path.GetDirectoryName(Path.GetFullPath(path))!);
            Step = File.Exists(path) ? state.Restore(path) : 0;
        }
    }

    /// <summary>Steps taken.</summary>
    public int Step { get; private set; }

    /// <summary>Steps in all, those of an annealing phase too.</summary>
    public int Steps => options.Steps + AnnealingSteps;

    /// <summary>The loss of every step, those before a resumption too.</summary>
    public IReadOnlyList<double> Losses => losses;

    /// <summary>What was measured, in order; empty without an evaluation.</summary>
    public IReadOnlyList<double> Scores => evaluations?.Scores ?? [];

    /// <summary>The best of the scores; null if there is none that is a number.</summary>
    public double? BestScore => evaluations?.Best is { } index ? Scores[index] : null;

    /// <summary>Oscillation of the quantized weights; null if there are none or it is not treated.</summary>
    public OscillationTracker? Oscillations => oscillation?.Tracker;

    private int AnnealingSteps => options.Oscillation?.AnnealingSteps ?? 0;

    private bool IsDone => Step >= Steps || evaluations is { IsExhausted: true };

    /// <summary>
    /// Takes the steps that are left, until an evaluation's patience ends. If that keeps the best state, the model has
    /// it then. The model is put in training mode.
    /// </summary>
    /// <param name="report">
    /// Hears of every step, on the thread that trains; it may call <see cref="Stop"/>. <c>progress.Report</c> of an
    /// <see cref="IProgress{T}"/> hears of them where that one was made.
    /// </param>
    /// <param name="cancellation">Stops after the present step, with the state saved.</param>
    /// <exception cref="TrainingException">A loss or gradient is not finite; parameters are those before that
    /// step.</exception>
    /// <exception cref="OperationCanceledException">Training was canceled before its end.</exception>
    public void Run(Action<TrainingProgress>? report = null, CancellationToken cancellation = default)
    {
        model.Module.train();
        isStopped = false;
        options.Logger?.Begins(model.Module.GetName(), Step + 1, Steps);
        while (!IsDone && !isStopped)
        {
            var progress = Take();
            report?.Invoke(progress);
            log?.Write(progress);
            Tell(progress);
            if (options.Checkpoint is { } path
                && (Step % options.CheckpointEvery == 0 || IsDone || isStopped || cancellation.IsCancellationRequested))
            {
                state.Save(path, Step);
                options.Logger?.Saved(Step, path);
            }

            if (!IsDone)
            {
                cancellation.ThrowIfCancellationRequested();
            }
        }

        if (IsDone)
        {
            UseBest();
        }

        options.Logger?.Ended(Step);
    }

    /// <summary>Ends the run after the present step, with the state saved; another run goes on from there.</summary>
    public void Stop() => isStopped = true;

    /// <summary>
    /// Gives the model the state that was measured best, if the evaluation's patience keeps one, as the end of a run
    /// does.
    /// </summary>
    public void UseBest() => evaluations?.UseBest();

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

    /// <summary>Runs an action with the averaged parameters, if an average is kept.</summary>
    public void WithAverage(Action action) => WithAverage(() =>
    {
        action();
        return true;
    });

    /// <inheritdoc/>
    public void Dispose()
    {
        optimizer.Dispose();
        oscillation?.Dispose();
        average?.Dispose();
        evaluations?.Dispose();
    }

    private void Tell(TrainingProgress progress)
    {
        if (Step % options.LogEvery == 0 || IsDone)
        {
            options.Logger?.Steps(Step, Steps, progress.Loss, progress.Rate, progress.GradientNorm);
        }

        if (progress.Score is { } score)
        {
            options.Logger?.Measured(Step, score);
        }
    }

    /// <summary>What decides which batches a step takes.</summary>
    private Dictionary<string, string> Recipe()
    {
        var recipe = new Dictionary<string, string> { ["accumulation"] = Text(options.Accumulation) };
        if (options.BatchSize is { } size)
        {
            recipe["batch size"] = Text(size);
        }

        return recipe;

        static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
    }

    private TrainingProgress Take()
    {
        using var scope = NewDisposeScope();
        var rate = Step < options.Steps
            ? options.Rate.Rate(Step)
            : new CosineSchedule(options.Oscillation!.AnnealingRate, AnnealingSteps).Rate(Step - options.Steps);
        Autograd.RandomState.Seed(device); // from the CPU's state, which is resumed
        optimizer.ZeroGradients();
        var (sum, clock) = (new WeightedSum(options.Accumulation), new Stopwatch());
        for (var pass = 0; pass < options.Accumulation; pass++)
        {
            Pass(((long)Step * options.Accumulation) + pass, sum, clock);
        }

        clock.Start();
        sum.Normalize(optimizer.Parameters);
        var (value, norm, frozen) = sum.IsEmpty ? (0, 0, null) : Move(rate, sum);
        Autograd.ReturnedGradients.Free();
        clock.Stop();
        Step++;
        losses.Add(value);
        return new(Step, Steps, value, rate, norm, Measure(), frozen, clock.Elapsed.TotalMilliseconds);
    }

    /// <summary>Moves the parameters by their gradients, if loss and gradients are finite.</summary>
    /// <returns>The loss, the gradients' norm, and the share of annealed weights that are frozen.</returns>
    private (double Loss, double Norm, double? Frozen) Move(double rate, WeightedSum sum)
    {
        var frozen = oscillation?.Freeze(Step);
        var (value, norm, fault) = sum.Read(GradientNorm.Clip(optimizer.Parameters, options.ClipNorm));
        if (fault is { } number)
        {
            throw FaultOfLoss(number);
        }

        // The device has just been waited for; nothing is waited for here.
        double? share = frozen is null ? null : oscillation!.FrozenShare;

        if (!double.IsFinite(norm) && TrainingException.OfGradients(Step, model.Module) is { } ofGradients)
        {
            throw ofGradients;
        }

        optimizer.Step(rate, frozen);
        average?.Update();
        oscillation?.Follow(Step);
        return (value, norm, share);
    }

    /// <summary>Forward and backward of one batch.</summary>
    private void Pass(long number, WeightedSum sum, Stopwatch clock)
    {
        using var scope = NewDisposeScope();
        var batch = batches(number);
        using var owned = batch is Tensor ? null : batch as IDisposable;
        clock.Start();
        try
        {
            var (mean, weight) = LossOf(batch);
            if (weight > 0)
            {
                RequireGraph(mean);
                sum.Add(number, mean, weight).backward();
            }
        }
        catch (ArithmeticException)
        {
            throw TrainingException.OfLoss(Step, model.Module, () => LossOf(batch));
        }

        clock.Stop();
    }

    private BatchLoss LossOf(TBatch batch)
    {
        var of = loss(batch);
        return of.Mean.numel() != 1
            ? throw new ArgumentException(
                $"The loss of a batch is one number; this is [{string.Join(", ", of.Mean.shape)}]. Take its mean.")
            : of.Weight is not (>= 0 and < double.PositiveInfinity)
            ? throw new ArgumentException($"A batch weighs {of.Weight}; weights are finite and not negative.")
            : oscillation is null ? of : of with { Mean = oscillation.Dampened(of.Mean, Step) };
    }

    private void RequireGraph(Tensor mean)
    {
        if (!mean.requires_grad)
        {
            throw new TrainingException($"Step {Step}: the loss depends on no parameter that requires gradients.");
        }
    }

    /// <summary>Where a loss that is not finite began; its batch is made once more.</summary>
    private TrainingException FaultOfLoss(long number)
    {
        var batch = batches(number);
        using var owned = batch is Tensor ? null : batch as IDisposable;
        return TrainingException.OfLoss(Step, model.Module, () => LossOf(batch));
    }

    private double? Measure()
    {
        if (evaluations is null || (Step % options.Evaluation!.Every != 0 && Step != Steps))
        {
            return null;
        }

        model.Module.eval();
        try
        {
            return WithAverage(evaluations.Take);
        }
        finally
        {
            model.Module.train();
        }
    }
}
