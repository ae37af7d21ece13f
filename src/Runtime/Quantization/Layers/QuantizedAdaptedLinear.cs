using System.ComponentModel;
using Marrow.Onnx;
using Marrow.Quantization;
using Marrow.Quantization.Layers;
using static TorchSharp.torch;

namespace Marrow.CompilerServices;

/// <summary>
/// A linear layer whose adapted weight is quantized, <c>y = x Ŵᵀ + b</c>: the adapter trains toward a
/// merged weight that is on the grid. Rounding passes gradients straight through to the adapter. The emitted classes
/// derive from it and state the forward and its backward.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public abstract class QuantizedAdaptedLinear : AdaptedLinear, IQuantizedLayer
{
    private PackedWeight? packed;

    /// <summary>Makes the frozen base.</summary>
    protected QuantizedAdaptedLinear(LinearSite site, AdapterSettings settings, QuantizerSettings quantizer)
        : base(site, settings) => Quantizer = quantizer.Checked();

    /// <summary>How the adapted weight is quantized.</summary>
    protected QuantizerSettings Quantizer { get; }

    /// <summary>What treatments of oscillation hold in place.</summary>
    protected FrozenCodes Frozen { get; } = new(QuantizerMethods.Base.IsOdd);

    QuantizerSettings IQuantizedLayer.Settings => Quantizer;

    IEnumerable<QuantizedWeight> IQuantizedLayer.QuantizedWeights => packed is not null
        ? []
        :
        [
            new(
                $"{LayerName}.weight",
                Quantizer,
                (OutFeatures, InFeatures),
                MergedWeight,
                latent: null,
                step: null,
                Frozen),
        ];

    internal override IReadOnlyList<string> LatentParameters => ["weight", .. Adapter.Select(pair => pair.Name)];

    internal override void UsePacked(IReadOnlyDictionary<string, PackedWeight> weights)
    {
        Remove(LatentParameters);
        packed = Take(weights[$"{LayerName}.weight"], "weight");
    }

    private protected override OnnxValue WeightToOnnx(OnnxGraph graph)
    {
        using var scope = NewDisposeScope();
        return graph.Weight(
            $"{LayerName}.weight", packed ?? ((IQuantizedLayer)this).QuantizedWeights.Single().Pack());
    }

    private protected override Tensor? Exported(Tensor x)
    {
        if (packed is not { } weight)
        {
            return null;
        }

        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return scope.MoveToOuter(nn.functional.linear(x, weight.Dequantize(x.dtype), Bias));
    }

    private protected override Tensor Effective(Tensor weight)
    {
        using var scope = NewDisposeScope();
        var values = QuantizerMethods.Base.Quantize(Frozen.Apply(weight), null, Quantizer.Bits);
        return scope.MoveToOuter(WithFrozen(weight, values));
    }

    /// <summary>The codes of Ŵ from what the forward kept.</summary>
    protected WeightLevels SavedWeight(Tensor codes, Tensor scale) => new(codes, scale, IsHalved: Quantizer.Bits == 8);

    /// <summary>Ŵ with the entries that are frozen at their level.</summary>
    protected Tensor WithFrozen(Tensor weight) =>
        Frozen.Levels is null ? weight : WithFrozen(AdaptedWeight(), weight);

    private Tensor WithFrozen(Tensor latent, Tensor values) => Frozen is { Mask: { } mask, Levels: not null }
        ? where(
            mask,
            Frozen.Apply(QuantizerMethods.Base.Codes(latent.detach().contiguous(), null, Quantizer.Bits)).Dequantize(
                latent.dtype),
            values)
        : values;

    private Tensor MergedWeight() => IsMerged ? Weight.alias() : AdaptedWeight();
}
