using Marrow.Quantization.Oscillations;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Marrow;

/// <summary>
/// The annealing phase of CGA (arXiv 2302.02210, section 4.2), after quantization-aware training: at each step, weights
/// that are confident of their level are frozen exactly, and only those near a boundary go on. Weights of layers stand
/// still because the optimizer leaves frozen entries alone, whatever its momentum and weight decay; entries of a QKR
/// product stand still because the layer holds their values, whatever the two factors do.
/// <code>
/// annealing.BeforeStep();            // after the backward pass
/// optimizer.Step(rate, annealing.Frozen);
/// </code>
/// </summary>
/// <param name="model">A model with layers that ask for <see cref="Oscillation.Cga"/>.</param>
public sealed class Annealing(IModel model) : IDisposable
{
    private readonly Dictionary<Parameter, Tensor> frozen = [];
    private Tensor? frozenCount;
    private long count;

    /// <summary>Which entries of each parameter the next step leaves alone, bool.</summary>
    public IReadOnlyDictionary<Parameter, Tensor> Frozen => frozen;

    /// <summary>
    /// Share of the annealed weights that are frozen, products of QKR included. A device is waited for.
    /// </summary>
    public double FrozenShare => frozenCount is null ? 0 : (double)frozenCount.item<long>() / count;

    /// <summary>
    /// Decides anew which weights are frozen, from the weights before the step, and clears their gradients.
    /// </summary>
    public void BeforeStep()
    {
        Release();
        count = 0;
        using var noGrad = no_grad();
        foreach (var weight in model.QuantizedWeights().Where(weight => weight.Settings.Oscillation == Oscillation.Cga))
        {
            using var scope = NewDisposeScope();
            var isConfident = Cga.Confident(weight);
            Count(isConfident);
            if (weight.Latent is { } latent)
            {
                latent.grad?.masked_fill_(isConfident.view(latent.shape), 0);
                frozen.Add(latent, isConfident.view(latent.shape).clone().DetachFromDisposeScope());
            }
            else
            {
                weight.Frozen.FreezeValues(isConfident, weight.Value());
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Release();

    private void Count(Tensor isConfident)
    {
        var present = isConfident.count_nonzero();
        using var before = frozenCount;
        frozenCount = (before is null ? present : before + present).DetachFromDisposeScope();
        count += isConfident.numel();
    }

    private void Release()
    {
        frozenCount?.Dispose();
        frozenCount = null;
        foreach (var mask in frozen.Values)
        {
            mask.Dispose();
        }

        frozen.Clear();
    }
}
