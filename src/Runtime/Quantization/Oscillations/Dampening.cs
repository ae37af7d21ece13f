using static TorchSharp.torch;

namespace Marrow;

/// <summary>Dampening of oscillation (arXiv 2203.11086, section 4.2).</summary>
public static class Dampening
{
    /// <summary>
    /// <c>Σ (ŵ − clip(w, lowest, highest level))²</c> over the layers that ask for <see cref="Oscillation.Dampen"/>,
    /// with ŵ held constant: it pulls weights to the middle of their level. Add it to the loss times a factor that
    /// grows over training.
    /// </summary>
    /// <returns>A scalar, or null if no layer asks for it.</returns>
    public static Tensor? Loss(IModel model)
    {
        using var scope = NewDisposeScope();
        Tensor? sum = null;
        foreach (var weight in model.QuantizedWeights().Where(weight =>
            weight.Settings.Oscillation == Oscillation.Dampen))
        {
            var (value, quantized) = (weight.Value(), weight.Quantized());
            var (low, high) = (quantized.amin([1], keepdim: true), quantized.amax([1], keepdim: true));
            var distance = (quantized - value.maximum(low).minimum(high)).square().sum();
            sum = sum is null ? distance : sum + distance;
        }

        return sum is null ? null : scope.MoveToOuter(sum);
    }
}
