using Marrow.Autograd;
using static TorchSharp.torch;

namespace Marrow.Adapters;

/// <summary>
/// Shows what the gradient of a frozen weight would be: while one is set for a layer, the layer runs as its base, and
/// every backward pass hands over <c>G = dyᵀ x</c>.
/// </summary>
internal sealed class WeightGradientProbe : Operation, IDisposable
{
    private static readonly Dictionary<AdaptedLinear, WeightGradientProbe> Probes = [];

    private readonly AdaptedLinear layer;
    private readonly Action<Tensor> take;

    /// <summary>Sets the probe until it is disposed.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="take">Takes each gradient [out, in], which is freed afterwards.</param>
    public WeightGradientProbe(AdaptedLinear layer, Action<Tensor> take)
    {
        (this.layer, this.take) = (layer, take);
        Probes.Add(layer, this);
    }

    /// <inheritdoc/>
    public override string Name => $"layer '{layer.LayerName}' (gradient of its frozen weight)";

    /// <summary>Whether gradients are being collected, and not trained with.</summary>
    public static bool IsAnySet => Probes.Count > 0;

    /// <summary>The probe that is set for a layer, or null.</summary>
    public static WeightGradientProbe? Of(AdaptedLinear layer) =>
        Probes.Count == 0 ? null : Probes.GetValueOrDefault(layer);

    /// <summary>The base's output for x [..., in].</summary>
    public Tensor Run(Tensor x)
    {
        using var scope = NewDisposeScope();

        // The adapter's parameter takes no part; it makes autograd record the pass when x needs no gradient.
        var y = OperationFunction.Run(
            this, x.reshape(x.numel() / layer.InFeatures, layer.InFeatures), layer.Adapter.First().Value);
        return scope.MoveToOuter(y.view([.. x.shape[..^1], layer.OutFeatures]));
    }

    /// <inheritdoc/>
    public override Tensor Forward(Saved saved, IReadOnlyList<Tensor?> inputs)
    {
        saved.Keep(inputs[0]);
        return nn.functional.linear(inputs[0]!, layer.Adaptation.BaseWeight(), layer.Bias);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Backward(Saved saved, Tensor dy)
    {
        take(dy.t().mm(saved[0]));
        return [dy.mm(layer.Adaptation.BaseWeight()), null];
    }

    /// <inheritdoc/>
    public void Dispose() => Probes.Remove(layer);
}
