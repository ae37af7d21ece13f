using Marrow.Quantization.Oscillations;
using static TorchSharp.torch;

namespace Marrow;

/// <summary>What one weight, or all together, did.</summary>
/// <param name="Name">Name of the weight.</param>
/// <param name="Weights">How many weights there are.</param>
/// <param name="Oscillating">Share with a frequency above 0.005, the measure of arXiv 2203.11086.</param>
/// <param name="MeanFrequency">Mean frequency.</param>
/// <param name="Changing">Share that changed their level in the last step.</param>
/// <param name="Frozen">Share that a treatment holds in place.</param>
/// <param name="LevelWidth">Mean worth of one level; follows the trajectory of the scales.</param>
public sealed record OscillationReport(
    string Name, long Weights, double Oscillating, double MeanFrequency, double Changing, double Frozen,
        double LevelWidth);

/// <summary>
/// Follows the levels of every quantized weight from step to step, QKR products too, and applies iterative freezing
/// where layers ask for it (<see cref="Oscillation.Freeze"/>).
/// </summary>
/// <param name="model">A model with quantized layers.</param>
/// <param name="momentum">Of the average frequency.</param>
public sealed class OscillationTracker(IModel model, double momentum = 0.01) : IDisposable
{
    /// <summary>Frequency above which a weight counts as oscillating (arXiv 2203.11086, section 3).</summary>
    public const double OscillatingFrequency = 0.005;

    // How many have changed stays on the device until a report asks.
    private readonly Dictionary<string, (OscillationState State, Tensor? Changed)> states = [];

    /// <summary>Takes the levels after an optimizer step. The first call only notes them.</summary>
    /// <param name="freezeThreshold">
    /// The frequency above which layers with iterative freezing freeze a weight; 0: not yet.
    /// </param>
    public void Update(double freezeThreshold = 0)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        foreach (var weight in model.QuantizedWeights())
        {
            var levels = weight.Levels();
            if (!states.TryGetValue(weight.Name, out var entry))
            {
                states.Add(weight.Name, (new OscillationState(levels, momentum), null));
                continue;
            }

            var threshold = weight.Settings.Oscillation == Oscillation.Freeze ? freezeThreshold : 0;
            entry.Changed?.Dispose();
            states[weight.Name] = (entry.State, entry.State.Update(levels, threshold).DetachFromDisposeScope());
            if (threshold > 0)
            {
                weight.Frozen.FreezeCodes(entry.State.Frozen, entry.State.Levels);
            }
        }
    }

    /// <summary>What each weight does.</summary>
    public IReadOnlyList<OscillationReport> Weights()
    {
        using var noGrad = no_grad();
        var reports = new List<OscillationReport>();
        foreach (var weight in model.QuantizedWeights().Where(weight => states.ContainsKey(weight.Name)))
        {
            using var scope = NewDisposeScope();
            var (state, changed) = states[weight.Name];
            double count = state.Levels.numel();
            reports.Add(new(
                weight.Name,
                (long)count,
                state.Frequency.gt(OscillatingFrequency).count_nonzero().item<long>() / count,
                state.Frequency.mean().item<float>(),
                (changed?.item<long>() ?? 0) / count,
                (weight.Frozen.Mask?.count_nonzero().item<long>() ?? 0) / count,
                weight.LevelWidth().mean().to(ScalarType.Float64).item<double>()));
        }

        return reports;
    }

    /// <summary>What all weights do together.</summary>
    public OscillationReport Overall()
    {
        var weights = Weights();
        double count = Math.Max(1, weights.Sum(weight => weight.Weights));
        return new(
            "all",
            weights.Sum(weight => weight.Weights),
            Mean(weight => weight.Oscillating),
            Mean(weight => weight.MeanFrequency),
            Mean(weight => weight.Changing),
            Mean(weight => weight.Frozen),
            Mean(weight => weight.LevelWidth));

        double Mean(Func<OscillationReport, double> value) =>
            weights.Sum(weight => value(weight) * weight.Weights) / count;
    }

    /// <summary>The state by name, for checkpoints.</summary>
    public IEnumerable<(string Name, Tensor Value)> Tensors =>
        from entry in states
        from tensor in entry.Value.State.Tensors
        select ($"{entry.Key}.{tensor.Name}", tensor.Value);

    /// <summary>Takes up a state that <see cref="Tensors"/> gave.</summary>
    /// <param name="tensors">The state; copied.</param>
    public void Restore(IReadOnlyDictionary<string, Tensor> tensors)
    {
        Dispose();
        foreach (var name in model.QuantizedWeights().Select(weight => weight.Name).Where(name =>
            tensors.ContainsKey($"{name}.levels")))
        {
            var state = new OscillationState(tensors[$"{name}.levels"], momentum);
            states.Add(name, (state, null));
            foreach (var (part, value) in state.Tensors)
            {
                value.copy_(tensors[$"{name}.{part}"]);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var (state, changed) in states.Values)
        {
            changed?.Dispose();
            state.Dispose();
        }

        states.Clear();
    }
}
