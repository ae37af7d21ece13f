using System.ComponentModel;
using Marrow.Adapters;
using Marrow.Autograd;
using Marrow.Layers;
using Marrow.Onnx;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Marrow.CompilerServices;

/// <summary>
/// A linear layer with a frozen weight and a trainable adapter. The emitted classes derive from it and state the
/// fused forward, its backward, and what both compute as plain formulas.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public abstract class AdaptedLinear : Linear, IExplicitLayer, IAdaptedLayer
{
    private bool hidesBias;

    /// <summary>Makes the frozen base.</summary>
    /// <exception cref="ArgumentException">The adapter does not suit the layer's sizes.</exception>
    protected AdaptedLinear(LinearSite site, AdapterSettings settings)
        : base(site)
    {
        settings.Check(site);
        Companion = Adaptation = new(this, settings, site.Dtype, site.Device);
        Weight.requires_grad = false;
        Bias?.requires_grad = false;
    }

    /// <summary>Makes a base that is frozen in a few bits.</summary>
    /// <exception cref="ArgumentException">The adapter does not suit the layer's sizes.</exception>
    protected AdaptedLinear(LinearSite site, AdapterSettings settings, int packedBits)
        : base(site, packedBits)
    {
        settings.Check(site);
        Companion = Adaptation = new(this, settings, site.Dtype, site.Device);
    }

    /// <inheritdoc/>
    public override Parameter? Bias => hidesBias ? null : base.Bias;

    /// <summary>The adapter's method and options.</summary>
    public AdapterSettings Settings => Adaptation.Settings;

    /// <summary>The adapter's parameters with their names, in the order they were added.</summary>
    public IEnumerable<(string Name, Parameter Value)> Adapter => Adaptation.Parameters;

    /// <summary>Whether the adapter is folded into the weight.</summary>
    public bool IsMerged => Adaptation.IsMerged;

    /// <summary>The adapter, and what was done with it.</summary>
    internal Adaptation Adaptation { get; }

    Adaptation IAdaptedLayer.Adaptation => Adaptation;

    bool IAdaptedLayer.HasPackedBase => HasPackedBase;

    Tensor IAdaptedLayer.UnpackedBase() => UnpackedBase();

    Parameter IAdaptedLayer.GetParameter(string name) => GetParameter(name);

    ScalarType IExplicitLayer.Dtype => HasPackedBase ? GetParameter("weight.scale").dtype : Weight.dtype;

    IReadOnlyList<Parameter> IExplicitLayer.Trainable => [.. Adapter.Select(pair => pair.Value)];

    IReadOnlyList<Parameter> IExplicitLayer.Frozen =>
    [
        .. HasPackedBase ? (Parameter[])[] : [Weight],
        .. Bias is { requires_grad: false } bias ? (Parameter[])[bias] : [],
    ];

    /// <summary>
    /// x [..., in] to y [..., out]: with the adapter, unless it is switched off or already folded into the weight.
    /// </summary>
    public sealed override Tensor forward(Tensor x)
    {
        if (Bias is { requires_grad: true } trained)
        {
            return WithTrainedBias(x, trained);
        }

        if (Exported(x) is { } y)
        {
            return y;
        }

        if (!Adaptation.IsEnabled)
        {
            return Unadapted(x);
        }

        if (WeightGradientProbe.Of(this) is { } probe)
        {
            return probe.Run(x);
        }

        if (IsMerged)
        {
            return nn.functional.linear(x, Effective(Weight), Bias);
        }

        if (!Adaptation.IsStarted && training && is_grad_enabled() && !WeightGradientProbe.IsAnySet)
        {
            throw new InvalidOperationException(
                $"The adapter of layer '{LayerName}' has no values to train from; {Settings.NeededBeforeTraining}.");
        }

        return EagerMode.IsOn ? Eager(x) : LayerFunction.Run(this, x);
    }

    /// <summary>A [r, in] and B [out, r] of which the adapter adds B A to the base's weight, or null.</summary>
    internal (Tensor A, Tensor B)? LowRank() => Settings.LowRank(
        new(Settings, Adapter.ToDictionary(pair => pair.Name, pair => (Tensor)pair.Value), Adaptation.Factors),
        InFeatures,
        OutFeatures);

    /// <summary>The weight with the adapter folded in, by plain differentiable operations: [out, in].</summary>
    public abstract Tensor AdaptedWeight();

    Tensor IExplicitLayer.Forward(Saved saved, Tensor x) => Forward(saved, x);

    Gradients IExplicitLayer.Backward(Saved saved, Tensor dy) => Backward(saved, dy);

    /// <summary>The fused forward, outside autograd.</summary>
    /// <param name="saved">Keeps what the backward needs.</param>
    /// <param name="x">[n, in].</param>
    /// <returns>y [n, out].</returns>
    protected abstract Tensor Forward(Saved saved, Tensor x);

    /// <summary>The gradients. Temporaries are freed by the caller.</summary>
    /// <param name="saved">What the forward kept.</param>
    /// <param name="dy">Gradient of the output, [n, out].</param>
    protected abstract Gradients Backward(Saved saved, Tensor dy);

    /// <summary>
    /// y by the plain formula, in ordinary differentiable operations. Temporaries are freed by the caller.
    /// </summary>
    /// <param name="x">[..., in].</param>
    /// <returns>y [..., out].</returns>
    protected abstract Tensor Plain(Tensor x);

    /// <summary>The output of a layer that was exported for inference, or null.</summary>
    private protected virtual Tensor? Exported(Tensor x) => null;

    /// <summary>The weight that meets x, made of the adapted one; differentiable.</summary>
    private protected virtual Tensor Effective(Tensor weight) => weight;

    /// <summary>
    /// An adapter's parameter in the layer's own type. Over a base of 16 bits adapters are held in 32: small steps
    /// would be lost.
    /// </summary>
    protected Tensor GetAdapter(string name)
    {
        var (value, type) = (GetParameter(name), ((IExplicitLayer)this).Dtype);
        return value.dtype == type ? value : value.to(type);
    }

    /// <summary>Adds a trainable parameter of zeros.</summary>
    protected void AddAdapter(string name, params long[] sizes) => AddAdapter(name, bound: 0, sizes);

    /// <summary>Adds a trainable parameter that is uniform in ±bound.</summary>
    protected void AddAdapter(string name, double bound, long[] sizes)
    {
        using var scope = NewDisposeScope();
        Add(name, Adaptation.Declare(name, sizes, Initial.Uniform(bound)), trainable: true);
    }

    private protected override OnnxValue WeightToOnnx(OnnxGraph graph)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return graph.Constant($"{LayerName}.weight", Adaptation.EffectiveWeight());
    }

    /// <inheritdoc/>
    internal override void Pack(Tensor weight)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        base.Pack(Adaptation.WithoutFactors(weight));
    }

    private Tensor Eager(Tensor x)
    {
        using var scope = NewDisposeScope();
        return scope.MoveToOuter(Plain(x));
    }

    /// <summary>The emitted backward knows no gradient of the bias, so it is added where autograd sees it.</summary>
    private Tensor WithTrainedBias(Tensor x, Tensor bias)
    {
        using var scope = NewDisposeScope();
        hidesBias = true;
        try
        {
            return scope.MoveToOuter(forward(x).add(bias));
        }
        finally
        {
            hidesBias = false;
        }
    }

    private Tensor Unadapted(Tensor x)
    {
        using var scope = NewDisposeScope();
        var weight = Adaptation.BaseWeight();
        return scope.MoveToOuter(nn.functional.linear(x, HasPackedBase ? weight : Effective(weight), Bias));
    }
}
