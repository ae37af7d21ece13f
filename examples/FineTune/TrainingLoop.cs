using System.Diagnostics;
using Marrow.Examples.FineTune.Data;
using Marrow.Models;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Marrow.Examples.FineTune;

/// <summary>How a training ended.</summary>
internal enum Ending
{
    /// <summary>After all its steps.</summary>
    Complete,

    /// <summary>After the step in which the user asked to stop.</summary>
    CutOff,

    /// <summary>The loss was NaN or infinite.</summary>
    Diverged,
}

/// <summary>What a training leaves beside the model.</summary>
/// <param name="Ending">How it ended.</param>
/// <param name="Losses">The loss of each step.</param>
/// <param name="Milliseconds">The time of each step.</param>
internal sealed record TrainingRun(Ending Ending, IReadOnlyList<double> Losses, IReadOnlyList<double> Milliseconds);

/// <summary>The training loop, the same for every method.</summary>
internal static class TrainingLoop
{
    private const double WeightDecay = 0.01, LargestGradient = 1, WarmUp = 0.05, LastRate = 0.05;

    /// <summary>Trains whatever is trainable: the adapters, or all weights of a model that has none.</summary>
    public static TrainingRun Run(
        Llama model, Batches batches, int steps, double learningRate, Action<int, double> report, CancellationToken stop)
    {
        var (losses, times) = (new List<double>(), new List<double>());
        var parameters = model.parameters().Where(parameter => parameter.requires_grad).ToArray();
        using var optimizer = optim.AdamW(parameters, learningRate, weight_decay: WeightDecay);
        model.train();
        for (var step = 0; step < steps; step++)
        {
            var clock = Stopwatch.StartNew();
            var loss = Step(model, parameters, optimizer, batches, Rate(learningRate, step, steps));
            losses.Add(loss);
            times.Add(clock.Elapsed.TotalMilliseconds);
            report(step + 1, loss);
            if (!double.IsFinite(loss))
            {
                return new(Ending.Diverged, losses, times);
            }

            if (stop.IsCancellationRequested && step + 1 < steps)
            {
                return new(Ending.CutOff, losses, times);
            }
        }

        return new(Ending.Complete, losses, times);
    }

    private static double Step(Llama model, Parameter[] parameters, AdamW optimizer, Batches batches, double rate)
    {
        using var scope = NewDisposeScope();
        var (ids, labels) = batches.Next();
        var logits = model.call(ids);
        var loss = nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index: Batches.Ignored);
        optimizer.zero_grad();
        loss.backward();
        nn.utils.clip_grad_norm_(parameters, LargestGradient);
        foreach (var group in optimizer.ParamGroups)
        {
            group.LearningRate = rate;
        }

        var value = loss.item<float>();
        if (float.IsFinite(value))
        {
            optimizer.step();
        }

        return value;
    }

    /// <summary>A short linear warm-up, then a cosine down to a twentieth.</summary>
    private static double Rate(double peak, int step, int steps)
    {
        var warm = Math.Max(1, WarmUp * steps);
        var done = Math.Clamp((step - warm) / Math.Max(1, steps - warm), 0, 1);
        return peak * Math.Min(1, (step + 1) / warm) * (LastRate + ((1 - LastRate) * 0.5 * (1 + Math.Cos(Math.PI * done))));
    }
}
