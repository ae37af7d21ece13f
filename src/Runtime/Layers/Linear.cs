using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Marrow;

/// <summary>A linear layer, <c>y = x Wᵀ + b</c>. Starts as PyTorch's does: uniform in ±1/sqrt(in).</summary>
public class Linear : Layer
{
    /// <summary>Makes the layer on its site's device; on the meta device it is shapes only.</summary>
    public Linear(LinearSite site)
        : base(site.Name)
    {
        using var scope = NewDisposeScope();
        (InFeatures, OutFeatures) = (site.InFeatures, site.OutFeatures);
        var bound = 1 / Math.Sqrt(InFeatures);
        Add("weight", Initial.Uniform([OutFeatures, InFeatures], bound, site.Dtype, site.Device), trainable: true);
        if (site.HasBias)
        {
            Add("bias", Initial.Uniform([OutFeatures], bound, site.Dtype, site.Device), trainable: true);
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

    /// <summary>x [..., in] to y [..., out].</summary>
    public override Tensor forward(Tensor x) => nn.functional.linear(x, Weight, Bias);
}
