using Marrow.Layers;
using Marrow.Onnx;
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
                $"The {site.Groups} groups of layer '{site.Name}' do not divide its {site.InChannels} input and "
                + $"{site.OutChannels} output channels.");
        }

        using var scope = NewDisposeScope();
        Site = site;
        var inner = site.InChannels / site.Groups;
        var bound = 1 / Math.Sqrt(inner * site.Kernel * site.Kernel);
        long[] sizes = [site.OutChannels, inner, site.Kernel, site.Kernel];
        Add(
            "weight",
            site.Init is { } init
                ? Initial.Of(init, sizes, site.Dtype, site.Device)
                : Initial.Uniform(sizes, bound, site.Dtype, site.Device),
            trainable: true);
        if (site.HasBias)
        {
            Add(
                "bias",
                Initial.Uniform([site.OutChannels], site.Init is null ? bound : 0, site.Dtype, site.Device),
                trainable: true);
        }
    }

    /// <summary>W [out, in / groups, kernel, kernel].</summary>
    public Parameter Weight => GetParameter("weight");

    /// <summary>b [out], or null.</summary>
    public Parameter? Bias => _internal_params.TryGetValue("bias", out var bias) ? bias : null;

    /// <summary>What the layer was made as.</summary>
    protected internal Conv2dSite Site { get; }

    /// <summary>x [batch, in, height, width] to [batch, out, …].</summary>
    public override Tensor forward(Tensor x) => Convolve(x, Weight, Bias);

    internal override OnnxValue ToOnnx(OnnxGraph graph, OnnxValue x)
    {
        var weight = WeightToOnnx(graph);
        return graph.Node(
            "Conv",
            [x.Shape[0], Site.OutChannels, Places(x.Shape[2]), Places(x.Shape[3])],
            [x, weight, Bias is { } bias ? graph.Constant($"{LayerName}.bias", bias) : null],
            ("group", Site.Groups),
            ("kernel_shape", new[] { Site.Kernel, Site.Kernel }),
            ("strides", new[] { Site.Stride, Site.Stride }),
            ("pads", new[] { Site.Padding, Site.Padding, Site.Padding, Site.Padding }));
    }

    /// <summary>The weight that meets x, [out, in / groups, kernel, kernel].</summary>
    private protected virtual OnnxValue WeightToOnnx(OnnxGraph graph) =>
        graph.Constant($"{LayerName}.weight", Weight);

    private protected override string? Wanted(Tensor x) =>
        x.dim() != 4 || x.size(1) != Site.InChannels || x.dtype != Weight.dtype
            || Math.Min(x.size(2), x.size(3)) + (2 * Site.Padding) < Site.Kernel
                ? $"{Weight.dtype} [batch, {Site.InChannels}, height, width] of at least the kernel's edge, "
                    + $"{Site.Kernel}"
                : null;

    /// <summary>The convolution with a weight and a bias that stand in for the layer's own.</summary>
    /// <remarks>
    /// On some processors (seen with libtorch 2.10 on AMD Zen 5) the input's gradient of oneDNN's float32 convolution
    /// is wrong where channels are no multiple of a vector. Where one is wanted, the convolution is a product over
    /// unfolded patches, which for a patch embedding holds no more than the image. </remarks>
    protected Tensor Convolve(Tensor x, Tensor weight, Tensor? bias)
    {
        var needsInput = is_grad_enabled() && x.requires_grad;
        return needsInput && x.device_type == TorchSharp.DeviceType.CPU && x.dtype == ScalarType.Float32
            ? Unfolded(x, weight, bias)
            : nn.functional.conv2d(
                x,
                weight,
                bias,
                strides: [Site.Stride, Site.Stride],
                padding: [Site.Padding, Site.Padding],
                groups: Site.Groups);
    }

    /// <summary>
    /// The convolution as a product: W [out, in · kernel²] with the patches [batch, in · kernel², places].
    /// </summary>
    private Tensor Unfolded(Tensor x, Tensor weight, Tensor? bias)
    {
        using var scope = NewDisposeScope();
        var (kernel, stride, padding) = (Site.Kernel, Site.Stride, Site.Padding);
        var parts = x.chunk(Site.Groups, 1).Zip(weight.chunk(Site.Groups, 0), (input, own) => own.flatten(1).matmul(
            nn.functional.unfold(input, (kernel, kernel), (1, 1), (padding, padding), (stride, stride))));
        var y = cat([.. parts], 1).view(x.size(0), weight.size(0), Places(x.size(2)), Places(x.size(3)));
        return scope.MoveToOuter(bias is null ? y : y + bias.view(1, -1, 1, 1));
    }

    /// <summary>Places that the kernel takes along an edge.</summary>
    private long Places(long edge) => ((edge + (2 * Site.Padding) - Site.Kernel) / Site.Stride) + 1;
}
