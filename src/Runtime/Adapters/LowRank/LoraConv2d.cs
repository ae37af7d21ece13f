using System.ComponentModel;
using Marrow.Adapters;
using Marrow.Onnx;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Marrow.CompilerServices;

/// <summary>
/// A convolution with LoRA as PEFT has it, <c>y = x ∗ W + s (x ∗ A) ∗ B + b</c>: A [rank, in, kernel, kernel] moves as
/// W does, B [out, rank, 1, 1] mixes its channels.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed class LoraConv2d : Conv2d, IAdaptedLayer
{
    private readonly Adaptation adaptation;
    private readonly LoraSettings settings;

    /// <summary>Makes the frozen base, and A as PyTorch's convolution starts, and B of zeros.</summary>
    /// <exception cref="ArgumentException">The rank does not suit the sizes, or there are groups.</exception>
    public LoraConv2d(Conv2dSite site, LoraSettings settings)
        : base(site)
    {
        if (site.Groups != 1)
        {
            throw new ArgumentException(
                $"[Lora] at layer '{site.Name}': a convolution of {site.Groups} groups has no low-rank adapter.");
        }

        this.settings = settings;
        var inner = site.InChannels * site.Kernel * site.Kernel;
        settings.Check(new(
            site.Name, inner, site.OutChannels, site.HasBias, null, PositiveInput: false, site.Dtype, site.Device));
        Companion = adaptation = new(this, settings, site.Dtype, site.Device);
        Weight.requires_grad = false;
        Bias?.requires_grad = false;
        Add(LoraSettings.A, 1 / Math.Sqrt(inner), [settings.Rank, site.InChannels, site.Kernel, site.Kernel]);
        Add(LoraSettings.B, bound: 0, [site.OutChannels, settings.Rank, 1, 1]);
    }

    Adaptation IAdaptedLayer.Adaptation => adaptation;

    private Tensor A => GetParameter(LoraSettings.A).to(Weight.dtype);

    private Tensor B => GetParameter(LoraSettings.B).to(Weight.dtype);

    /// <inheritdoc/>
    public override Tensor forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        if (!adaptation.IsEnabled || adaptation.IsMerged)
        {
            return scope.MoveToOuter(Convolve(x, adaptation.IsEnabled ? Weight : adaptation.BaseWeight(), Bias));
        }

        var down = Convolve(nn.functional.dropout(x, settings.Dropout, training), A, bias: null); // [batch, r, …]
        var up = B.flatten(1).matmul(down.flatten(2)); // [batch, out, places]
        var y = Convolve(x, Weight, Bias);
        return scope.MoveToOuter(y.add(up.view(y.shape), alpha: settings.Scale));
    }

    /// <summary>W + s B A, [out, in, kernel, kernel].</summary>
    public Tensor AdaptedWeight() =>
        Weight.add(B.flatten(1).mm(A.flatten(1)).view(Weight.shape), alpha: settings.Scale);

    private protected override OnnxValue WeightToOnnx(OnnxGraph graph)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return graph.Constant($"{LayerName}.weight", adaptation.EffectiveWeight());
    }

    Parameter IAdaptedLayer.GetParameter(string name) => GetParameter(name);

    private void Add(string name, double bound, long[] sizes)
    {
        using var scope = NewDisposeScope();
        Add(name, adaptation.Declare(name, sizes, Layers.Initial.Uniform(bound)), trainable: true);
    }
}
