using Marrow.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Marrow;

/// <summary>
/// A convolution over [batch, in, height, width] with W [out, in / groups, kernel, kernel]. Starts as PyTorch's does:
/// uniform in ±1/sqrt(in / groups · kernel²).
/// </summary>
public class Conv2d : Layer
{
    /// <summary>Makes the layer on its site's device; on the meta device it is shapes only.</summary>
    /// <exception cref="ArgumentException">The groups do not divide the channels.</exception>
    public Conv2d(Conv2dSite site)
        : base(site.Name)
    {
        if (site.InChannels % site.Groups != 0 || site.OutChannels % site.Groups != 0)
        {
            throw new ArgumentException(
                $"The {site.Groups} groups of layer '{site.Name}' do not divide its {site.InChannels} input and {site.OutChannels} output channels.");
        }

        using var scope = NewDisposeScope();
        Site = site;
        var inner = site.InChannels / site.Groups;
        var bound = 1 / Math.Sqrt(inner * site.Kernel * site.Kernel);
        Add("weight", Initial.Uniform([site.OutChannels, inner, site.Kernel, site.Kernel], bound, site.Dtype, site.Device), trainable: true);
        if (site.HasBias)
        {
            Add("bias", Initial.Uniform([site.OutChannels], bound, site.Dtype, site.Device), trainable: true);
        }
    }

    /// <summary>W [out, in / groups, kernel, kernel].</summary>
    public Parameter Weight => GetParameter("weight");

    /// <summary>b [out], or null.</summary>
    public Parameter? Bias => _internal_params.TryGetValue("bias", out var bias) ? bias : null;

    /// <summary>What the layer was made as.</summary>
    protected Conv2dSite Site { get; }

    /// <summary>x [batch, in, height, width] to [batch, out, …].</summary>
    public override Tensor forward(Tensor x) => Convolve(x, Weight);

    /// <summary>The convolution with a weight that stands in for the layer's own.</summary>
    protected Tensor Convolve(Tensor x, Tensor weight) => nn.functional.conv2d(
        x, weight, Bias, strides: [Site.Stride, Site.Stride], padding: [Site.Padding, Site.Padding], groups: Site.Groups);
}
