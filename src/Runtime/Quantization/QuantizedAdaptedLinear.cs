using Marrow.Quantization;
using static TorchSharp.torch;

namespace Marrow;

/// <summary>
/// A linear layer whose adapted weight is quantized, <c>y = x StatsQ(Adapt(W))ᵀ + b</c>: the adapter trains towards a merged
/// weight that is on the grid. Rounding passes gradients straight through to the adapter. The emitted classes derive from
/// it and state the forward and its backward.
/// </summary>
public abstract class QuantizedAdaptedLinear : AdaptedLinear, IQuantizedLayer
{
    private PackedWeight? packed;

    /// <summary>Makes the frozen base.</summary>
    protected QuantizedAdaptedLinear(LinearSite site, QuantizerSettings settings)
        : base(site) => Quantizer = settings.Checked();

    /// <summary>How the adapted weight is quantized.</summary>
    protected QuantizerSettings Quantizer { get; }

    /// <summary>What treatments of oscillation hold in place.</summary>
    protected HeldWeight Held { get; } = new(isOdd: true);

    QuantizerSettings IQuantizedLayer.Settings => Quantizer;

    IEnumerable<QuantizedWeight> IQuantizedLayer.QuantizedWeights => packed is not null
        ? []
        : [new($"{LayerName}.weight", Quantizer, (OutFeatures, InFeatures), MergedWeight, latent: null, step: null, Held)];

    internal override IReadOnlyList<string> LatentParameters => ["weight", .. Adapter.Select(pair => pair.Name)];

    internal override void UsePacked(IReadOnlyDictionary<string, PackedWeight> weights)
    {
        Remove(LatentParameters);
        packed = Take(weights[$"{LayerName}.weight"], "weight");
    }

    private protected override Tensor? Exported(Tensor x)
    {
        if (packed is not { } weight)
        {
            return null;
        }

        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return scope.MoveToOuter(nn.functional.linear(x, weight.Dequantize(), Bias));
    }

    private protected override Tensor Effective(Tensor weight)
    {
        using var scope = NewDisposeScope();
        var values = StatsQ.Plain(Held.Hold(weight), Quantizer.Bits);
        return scope.MoveToOuter(Held is { Mask: { } mask, Levels: not null }
            ? where(mask, Held.Hold(WeightLevels.StatsQ(weight.detach().contiguous(), Quantizer.Bits)).Dequantize(), values)
            : values);
    }

    private Tensor MergedWeight() => IsMerged ? Weight.alias() : AdaptedWeight();
}
