using static TorchSharp.torch;

namespace Marrow.Vision;

/// <summary>Trains a quantized image classifier, and notes what becomes of its weights. It prints nothing.</summary>
/// <param name="model">The model, with its float weights loaded.</param>
/// <param name="images">What to train on and to validate by.</param>
/// <param name="training">Augmentation.</param>
/// <param name="evaluation">None.</param>
public sealed class QuantizationRun(
    nn.Module<Tensor, Tensor> model, ImageSplits images, IImageTransform training, IImageTransform evaluation)
{
    private const int OscillationSamples = 40;

    /// <summary>Trains, and exports the model.</summary>
    /// <param name="method">The name of the way to quantize.</param>
    /// <param name="recipe">The recipe.</param>
    /// <param name="export">Where packed integers and scales are written.</param>
    /// <param name="teacher">A float model that is learned from, or null.</param>
    /// <param name="firstStep">Steps that were taken before, by another run, for the numbers in the result.</param>
    /// <param name="progress">Hears of every step.</param>
    /// <param name="stop">Stops after the present step, with the state saved if the recipe has a checkpoint.</param>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    /// <exception cref="TrainingException">A loss or gradient is not finite.</exception>
    public QuantizationResult Run(
        string method,
        ImageTrainingOptions recipe,
        string export,
        nn.Module<Tensor, Tensor>? teacher = null,
        int firstStep = 0,
        IProgress<ImageTrainingProgress>? progress = null,
        CancellationToken stop = default)
    {
        var (times, losses) = (new List<double>(), new List<(double, double)>());
        var (shares, frozen) = (new List<(int, double)>(), 0.0);
        using var run = new ImageTraining(model, images.Training, training, recipe, teacher);
        run.Run(
            step =>
            {
                times.Add(step.Milliseconds);
                losses.Add((step.Step + firstStep, step.Loss));
                frozen = step.Frozen;
                if (step.Step % Math.Max(1, step.Steps / OscillationSamples) == 0)
                {
                    shares.Add((step.Step + firstStep, run.Oscillations!.Overall().Oscillating));
                }

                progress?.Report(step);
            },
            stop);
        ((IModel)model).Export(export);
        return new(
            method,
            (int)recipe.Seed,
            Accuracy.Of(model, images.Validation, evaluation, cancellation: stop),
            run.Oscillations!.Overall(),
            frozen,
            times.Count > 0 ? times.Order().ElementAt(times.Count / 2) : null,
            new FileInfo(export).Length,
            losses,
            shares,
            Latent());
    }

    /// <summary>
    /// The weights of the layers inside, whose bits are the smallest, over the grid of levels; the first and the last
    /// layer have more.
    /// </summary>
    private (double Start, long[] Counts) Latent()
    {
        var weights = ((IModel)model).QuantizedWeights().ToList();
        var bits = weights.Min(weight => weight.Settings.Bits);
        var histograms = weights
            .Where(weight => weight.Settings.Bits == bits)
            .Select(weight => weight.LatentHistogram())
            .ToList();
        return (histograms[0].Start, [.. Enumerable.Range(0, histograms[0].Counts.Length).Select(bin =>
            histograms.Sum(histogram => histogram.Counts[bin]))]);
    }
}
