using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Marrow;

/// <summary>What a training does about oscillation, step by step.</summary>
/// <param name="model">The model; it has quantized weights.</param>
/// <param name="options">How.</param>
/// <param name="steps">Steps before the annealing phase.</param>
internal sealed class OscillationTreatment(IModel model, OscillationOptions options, int steps) : IDisposable
{
    private readonly Annealing annealing = new(model);

    /// <summary>Follows the weights' levels.</summary>
    public OscillationTracker Tracker { get; } = new(model);

    /// <summary>The loss and what dampening adds to it.</summary>
    public Tensor Dampened(Tensor loss, int step) =>
        Dampening.Loss(model) is { } distance ? loss + (distance * (options.Dampening * Share(step))) : loss;

    /// <summary>The share of annealed weights that <see cref="Freeze"/> froze; a device is waited for.</summary>
    public double FrozenShare => annealing.FrozenShare;

    /// <summary>After the backward pass: which entries the step leaves alone; null: none.</summary>
    public IReadOnlyDictionary<Parameter, Tensor>? Freeze(int step)
    {
        if (step < steps)
        {
            return null;
        }

        annealing.BeforeStep();
        return annealing.Frozen;
    }

    /// <summary>Takes the levels after the step.</summary>
    public void Follow(int step)
    {
        var (first, last) = options.FreezeThreshold;
        Tracker.Update(step < steps ? first + ((last - first) * Share(step)) : 0);
    }

    public void Dispose()
    {
        annealing.Dispose();
        Tracker.Dispose();
    }

    /// <summary>From 0 to 1 along half a cosine.</summary>
    private double Share(int step) => 0.5 * (1 - Math.Cos(Math.PI * Math.Min(1, (double)step / Math.Max(1, steps))));
}
