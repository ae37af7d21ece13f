using System.ComponentModel;
using Marrow.Adapters;
using Marrow.Autograd;
using Marrow.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Marrow.CompilerServices;

/// <summary>
/// A linear layer with a frozen weight and a trainable adapter. The emitted classes derive from it and state the
/// fused forward, its backward, and what both compute as plain formulas.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public abstract class AdaptedLinear : Linear, IExplicitLayer
{
    private readonly ScalarType adapterType;
    private readonly Device device;
    private readonly InitialFactors factors = new();

    /// <summary>Makes the frozen base.</summary>
    /// <exception cref="ArgumentException">The adapter does not suit the layer's sizes.</exception>
    protected AdaptedLinear(LinearSite site, AdapterSettings settings)
        : base(site)
    {
        settings.Check(site);
        (Settings, adapterType, device) = (settings, AdapterType(site), site.Device);
        (Slots, Merged) = (new(this), new(this));
        IsStarted = settings.NeededBeforeTraining is null;
        Weight.requires_grad = false;
        Bias?.requires_grad = false;
    }

    /// <summary>Makes a base that is frozen in a few bits.</summary>
    /// <exception cref="ArgumentException">The adapter does not suit the layer's sizes.</exception>
    protected AdaptedLinear(LinearSite site, AdapterSettings settings, int packedBits)
        : base(site, packedBits)
    {
        settings.Check(site);
        (Settings, adapterType, device) = (settings, AdapterType(site), site.Device);
        (Slots, Merged) = (new(this), new(this));
        IsStarted = settings.NeededBeforeTraining is null;
    }

    /// <summary>The adapter's method and options.</summary>
    public AdapterSettings Settings { get; }

    /// <summary>The adapter's parameters with their names, in the order they were added.</summary>
    public IEnumerable<(string Name, Parameter Value)> Adapter =>
        Slots.Parameters.Select(name => (name, GetParameter(name)));

    /// <summary>Whether the forward pass uses the adapter.</summary>
    public bool IsEnabled { get; internal set; } = true;

    /// <summary>Whether the adapter is folded into the weight.</summary>
    public bool IsMerged => Merged.Original is not null;

    /// <summary>The adapter in use and those that wait beside it.</summary>
    internal AdapterSlots Slots { get; }

    /// <summary>The merging of the adapter into the weight.</summary>
    internal MergedWeight Merged { get; }

    /// <summary>Whether the adapter has values to train from, which some methods get only after building.</summary>
    internal bool IsStarted { get; set; }

    /// <summary>What initialization took out of the frozen weight, by the parameters' names, or null.</summary>
    internal IReadOnlyDictionary<string, Tensor>? Factors => factors.Values;

    ScalarType IExplicitLayer.Dtype => HasPackedBase ? GetParameter("weight.scale").dtype : Weight.dtype;

    IReadOnlyList<Parameter> IExplicitLayer.Trainable => [.. Adapter.Select(pair => pair.Value)];

    IReadOnlyList<Parameter> IExplicitLayer.Frozen =>
        [.. HasPackedBase ? (Parameter[])[] : [Weight], .. Bias is { } bias ? (Parameter[])[bias] : []];

    /// <summary>
    /// x [..., in] to y [..., out]: with the adapter, unless it is switched off or already folded into the weight.
    /// </summary>
    public sealed override Tensor forward(Tensor x)
    {
        if (Exported(x) is { } y)
        {
            return y;
        }

        if (!IsEnabled)
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

        if (!IsStarted && training && is_grad_enabled() && !WeightGradientProbe.IsAnySet)
        {
            throw new InvalidOperationException(
                $"The adapter of layer '{LayerName}' has no values to train from; {Settings.NeededBeforeTraining}.");
        }

        return EagerMode.IsOn ? Eager(x) : LayerFunction.Run(this, x);
    }

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
        Add(name, Initial.Uniform(sizes, bound, adapterType, device), trainable: true);
        Slots.Declare(name, bound);
    }

    /// <summary>
    /// The base's weight [out, in]: what is frozen, with what initialization took out of it put back. The caller owns
    /// it.
    /// </summary>
    internal Tensor BaseWeight()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var frozen = HasPackedBase ? Base.Dequantize() : (Merged.Original ?? Weight).alias();
        return scope.MoveToOuter(
            Factors is { } taken ? Settings.AddFactors(frozen, taken, 1).to(frozen.dtype) : frozen);
    }

    /// <summary>
    /// Initializes an adapter that depends on the base anew from the base's present weight. What a method takes out of
    /// a packed base it took out before packing.
    /// </summary>
    internal void Initialize()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        Set(Settings.InitialValues(HasPackedBase ? BaseWeight() : Weight));
        if (!HasPackedBase)
        {
            Weight.copy_(WithoutFactors(Weight));
        }
    }

    /// <summary>Gives parameters these values, and takes their effect out of the base's weight.</summary>
    internal void Initialize(IReadOnlyDictionary<string, Tensor> initial)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        Weight.copy_(WithoutFactors(BaseWeight(), initial));
        IsStarted = true;
    }

    /// <summary>Gives the adapter of a layer that was built on the meta device its first values.</summary>
    internal void InitializeAdapter(Device target) => Slots.Materialize(adapterType, target);

    /// <summary>Adds an adapter with first values beside the one in use.</summary>
    internal void AddWaiting(string name)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var adapter = Slots.Add(name);
        foreach (var (parameter, value) in Settings.InitialValues(BaseWeight()))
        {
            adapter[parameter].copy_(value);
        }
    }

    /// <inheritdoc/>
    internal override void Pack(Tensor weight)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        base.Pack(WithoutFactors(weight));
    }

    /// <inheritdoc/>
    protected override void _toEpilog(ScalarType? dtype, Device? device, bool non_blocking)
    {
        base._toEpilog(dtype, device, non_blocking);
        Merged.Move(dtype, device);
        Slots.Move(dtype, device);
        factors.Move(dtype, device);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Merged.Dispose();
            Slots.Dispose();
            factors.Dispose();
        }

        base.Dispose(disposing);
    }

    private static ScalarType AdapterType(LinearSite site) =>
        site.Dtype is ScalarType.BFloat16 or ScalarType.Float16 ? ScalarType.Float32 : site.Dtype;

    private Tensor Eager(Tensor x)
    {
        using var scope = NewDisposeScope();
        return scope.MoveToOuter(Plain(x));
    }

    private Tensor Unadapted(Tensor x)
    {
        using var scope = NewDisposeScope();
        return scope.MoveToOuter(nn.functional.linear(x, HasPackedBase ? BaseWeight() : Effective(BaseWeight()), Bias));
    }

    /// <summary>What of W stays frozen once the method has taken out what it starts from.</summary>
    private Tensor WithoutFactors(Tensor weight)
    {
        if (Settings.InitialFactors(weight) is { } initial)
        {
            return WithoutFactors(weight, initial);
        }

        if (Factors is { } earlier)
        {
            // They came from another base.
            Slots.Reset(earlier.Keys);
            factors.Dispose();
        }

        return weight;
    }

    private Tensor WithoutFactors(Tensor weight, IReadOnlyDictionary<string, Tensor> initial)
    {
        Set(initial);

        // As the parameters hold them, which may have rounded them.
        return Settings.AddFactors(
            weight, factors.Keep(initial.Keys.Select(name => (name, (Tensor)GetParameter(name)))), -1);
    }

    private void Set(IReadOnlyDictionary<string, Tensor> values)
    {
        foreach (var (name, value) in values)
        {
            GetParameter(name).copy_(value);
        }
    }
}
