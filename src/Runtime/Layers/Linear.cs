using Marrow.Onnx;
using Marrow.Quantization;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Marrow;

/// <summary>A linear layer, <c>y = x Wᵀ + b</c>. Starts as PyTorch's does: uniform in ±1/sqrt(in).</summary>
public class Linear : Layer
{
    private readonly int packedBits;
    private readonly ScalarType dtype;

    /// <summary>Makes the layer on its site's device; on the meta device it is shapes only.</summary>
    public Linear(LinearSite site)
        : base(site.Name)
    {
        using var scope = NewDisposeScope();
        (InFeatures, OutFeatures) = (site.InFeatures, site.OutFeatures);
        Add("weight", site.InitialWeight(site.Dtype), trainable: true);
        if (site.HasBias)
        {
            Add("bias", site.InitialBias(), trainable: true);
        }
    }

    /// <summary>A layer whose weight is frozen in levels, packed.</summary>
    private protected Linear(LinearSite site, int packedBits)
        : this(site.Name, site.InFeatures, site.OutFeatures)
    {
        using var scope = NewDisposeScope();
        this.packedBits = packedBits;
        dtype = site.Dtype;
        if (site.Device.type == TorchSharp.DeviceType.META)
        {
            Add("weight.words", empty([OutFeatures, PackedWeight.RowWords(InFeatures, packedBits)],
                dtype: ScalarType.Int32, device: site.Device), trainable: false);
            Add("weight.scale", empty([OutFeatures], dtype: dtype, device: site.Device), trainable: false);
        }
        else
        {
            PackAsIs(site.InitialWeight(ScalarType.Float32));
        }

        if (site.HasBias)
        {
            Add("bias", site.InitialBias(), trainable: false);
        }
    }

    /// <summary>A layer whose weight lies elsewhere.</summary>
    private protected Linear(string name, long inFeatures, long outFeatures)
        : base(name) => (InFeatures, OutFeatures) = (inFeatures, outFeatures);

    /// <summary>Features of the input.</summary>
    public long InFeatures { get; }

    /// <summary>Features of the output.</summary>
    public long OutFeatures { get; }

    /// <summary>W [out, in].</summary>
    public virtual Parameter Weight => GetParameter("weight");

    /// <summary>b [out], or null.</summary>
    public virtual Parameter? Bias => _internal_params.TryGetValue("bias", out var bias) ? bias : null;

    /// <summary>Whether it is an output head of its architecture.</summary>
    internal bool IsHead { get; set; }

    /// <summary>Whether it shared an embedding's weight before it got one of its own.</summary>
    internal bool WasTied { get; set; }

    /// <summary>Whether the weight is packed; then there is no <see cref="Weight"/>.</summary>
    internal bool HasPackedBase => packedBits > 0;

    /// <summary>The packed weight.</summary>
    protected PackedWeight Base =>
        new(GetParameter("weight.words"), GetParameter("weight.scale"), InFeatures, packedBits,
            QuantizerMethods.Base.IsOdd);

    /// <summary>The packed weight as numbers, [out, in]; the caller owns it.</summary>
    internal Tensor UnpackedBase() => Base.Dequantize();

    /// <summary>Packs a weight [out, in] in place of the present one.</summary>
    internal virtual void Pack(Tensor weight) => PackAsIs(weight);

    /// <summary>x [..., in] to y [..., out].</summary>
    public override Tensor forward(Tensor x) => nn.functional.linear(x, Weight, Bias);

    internal override OnnxValue ToOnnx(OnnxGraph graph, OnnxValue x)
    {
        var y = graph.Linear(x, WeightToOnnx(graph));
        return Bias is { } bias ? graph.Add(y, graph.Constant($"{LayerName}.bias", bias)) : y;
    }

    /// <summary>The weight that meets x, [out, in].</summary>
    private protected virtual OnnxValue WeightToOnnx(OnnxGraph graph) => HasPackedBase
        ? graph.Weight($"{LayerName}.weight", Base)
        : graph.Constant($"{LayerName}.weight", Weight);

    private protected override string? Wanted(Tensor x) =>
        WantedLast(x, InFeatures, HasPackedBase ? GetParameter("weight.scale").dtype : Weight.dtype);

    private void PackAsIs(Tensor weight)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var method = QuantizerMethods.Base;
        var packed = PackedWeight.Of(
            method.Codes(weight.to(ScalarType.Float32).contiguous(), null, packedBits), packedBits, method.IsOdd);
        Remove(["weight.words", "weight.scale"]);
        Add("weight.words", packed.Words, trainable: false);
        Add("weight.scale", packed.Scale.to(dtype), trainable: false);
    }
}
