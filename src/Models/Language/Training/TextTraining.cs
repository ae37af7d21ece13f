using System.Diagnostics;
using Marrow.Models;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Marrow.Language;

/// <summary>
/// Fine-tunes a causal language model on batches of texts: whatever is trainable, with AdamW on a cosine, accumulation,
/// clipping, and the learning-rate ratios of LoRA+. A run that is stopped, or killed, and resumed takes the same steps
/// as one that was not. A loss or gradient that is not finite stops it, and the place is named.
/// </summary>
public sealed class TextTraining : IDisposable
{
    private readonly ICausalModel model;
    private readonly TextBatches batches;
    private readonly TextTrainingOptions options;
    private readonly FusedAdamW optimizer;
    private readonly TrainingState state;
    private readonly List<double> losses = [];
    private readonly SummaryWriter? log;
    private readonly Device device;

    /// <summary>Prepares a run; takes up the state of the options' checkpoint if there is one.</summary>
    /// <param name="model">The model, with its base loaded.</param>
    /// <param name="batches">What to train on.</param>
    /// <param name="options">The recipe.</param>
    /// <exception cref="CheckpointException">The checkpoint cannot be read or is another model's.</exception>
    public TextTraining(ICausalModel model, TextBatches batches, TextTrainingOptions options)
    {
        (this.model, this.batches, this.options) = (model, batches, options);
        device = model.Module.parameters().First().device;
        optimizer = new FusedAdamW(TrainedParameter.Of(model.Module), options.WeightDecay);
        state = new TrainingState(model, optimizer, losses: losses);
        log = options.Log is null ? null : utils.tensorboard.SummaryWriter(options.Log);
        if (options.Checkpoint is { } path && File.Exists(path))
        {
            Step = state.Restore(path);
        }
    }

    /// <summary>Steps taken.</summary>
    public int Step { get; private set; }

    /// <summary>The loss of every step, those before a resumption too.</summary>
    public IReadOnlyList<double> Losses => losses;

    /// <summary>Takes the steps that are left.</summary>
    /// <param name="report">Hears of every step.</param>
    /// <param name="cancellation">Stops after the present step, with the state saved.</param>
    /// <exception cref="TrainingException">A loss or gradient is not finite; parameters are those before that
    /// step.</exception>
    /// <exception cref="OperationCanceledException">Training was stopped before its end.</exception>
    public void Run(Action<TextTrainingProgress>? report = null, CancellationToken cancellation = default)
    {
        model.Module.train();
        while (Step < options.Steps)
        {
            var progress = Take();
            report?.Invoke(progress);
            Log(progress);
            if (options.Checkpoint is { } path && (
                Step % options.CheckpointEvery == 0 || Step == options.Steps || cancellation.IsCancellationRequested))
            {
                state.Save(path, Step);
            }

            if (Step < options.Steps)
            {
                cancellation.ThrowIfCancellationRequested();
            }
        }
    }

    /// <summary>The mean loss of a batch's learned tokens, with its graph.</summary>
    public static Tensor Loss(ICausalModel model, TextBatch batch)
    {
        using var scope = NewDisposeScope();
        var logits = ((nn.Module<Tensor, Tensor>)model.Module).call(batch.Ids);
        return scope.MoveToOuter(nn.functional.cross_entropy(
            logits.flatten(0, 1).to(float32), batch.Labels.flatten(), ignore_index: TextBatches.Ignored));
    }

    /// <inheritdoc/>
    public void Dispose() => optimizer.Dispose();

    private TextTrainingProgress Take()
    {
        using var scope = NewDisposeScope();
        var clock = Stopwatch.StartNew();
        var rate = new CosineSchedule(
            options.LearningRate, options.Steps, options.WarmUp, options.LastRate * options.LearningRate).Rate(Step);
        optimizer.ZeroGradients();
        var loss = 0.0;
        for (var pass = 0; pass < options.Accumulation; pass++)
        {
            using var batch = batches[((long)Step * options.Accumulation) + pass, device];
            loss += Pass(batch) / options.Accumulation;
        }

        var norm = nn.utils.clip_grad_norm_(
            model.Module.parameters().Where(parameter => parameter.requires_grad),
            options.ClipNorm > 0 ? options.ClipNorm : float.MaxValue);
        if (!double.IsFinite(norm) && TrainingException.OfGradients(Step, model.Module) is { } fault)
        {
            throw fault;
        }

        optimizer.Step(rate);
        Autograd.ReturnedGradients.Free();
        Step++;
        losses.Add(loss);
        return new(Step, options.Steps, loss, rate, norm, clock.Elapsed.TotalMilliseconds);
    }

    /// <summary>Forward and backward of one batch; its loss.</summary>
    private double Pass(TextBatch batch)
    {
        using var scope = NewDisposeScope();
        var loss = Loss(model, batch);
        var value = loss.item<float>();
        if (!float.IsFinite(value))
        {
            throw TrainingException.OfLoss(Step, model.Module, () => Loss(model, batch));
        }

        (loss / options.Accumulation).backward();
        return value;
    }

    private void Log(TextTrainingProgress progress)
    {
        log?.add_scalar("loss", (float)progress.Loss, progress.Step);
        log?.add_scalar("rate", (float)progress.Rate, progress.Step);
        log?.add_scalar("gradient_norm", (float)progress.GradientNorm, progress.Step);
    }
}
