using Marrow.Adapters;
using Marrow.Autograd;
using Marrow.Models;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Marrow;

/// <summary>
/// A linear layer with a frozen weight and a trainable adapter. The emitted classes derive from it and state the
/// fused forward, its backward, and the adapted weight as a plain formula.
/// </summary>
public abstract class AdaptedLinear : Linear, IExplicitLayer
{
    private readonly List<(string Name, double Bound)> adapters = [];
    private readonly ScalarType adapterType;
    private readonly Device device;
    private readonly Dictionary<string, Dictionary<string, Parameter>> waiting = [];
    private Tensor? original;
    private (Tensor A, Tensor B)? start;

    /// <summary>Makes the frozen base.</summary>
    /// <exception cref="ArgumentException">The adapter does not suit the layer's sizes.</exception>
    protected AdaptedLinear(LinearSite site, AdapterSettings settings)
        : base(site)
    {
        settings.Check(site);
        (Settings, adapterType, device) = (settings, AdapterType(site), site.Device);
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
    }

    /// <summary>What the adapter is, as saving needs it.</summary>
    public AdapterSettings Settings { get; }

    /// <summary>The adapter's parameters with their names, in the order they were added.</summary>
    public IEnumerable<(string Name, Parameter Value)> Adapter => adapters.Select(adapter => (adapter.Name, GetParameter(adapter.Name)));

    /// <summary>Learning rate of an adapter's parameter as a multiple of the others' (LoRA+): B's and DoRA's lengths differ.</summary>
    internal double RateRatio(string parameter) => Settings is LoraSettings lora && parameter != "lora_A" ? lora.LearningRateRatio : 1;

    /// <summary>The name of the adapter in use.</summary>
    internal string AdapterName { get; private set; } = "default";

    /// <summary>Names of adapters that wait beside it.</summary>
    internal IEnumerable<string> WaitingAdapters => waiting.Keys;

    /// <summary>Whether the forward pass uses the adapter.</summary>
    public bool IsEnabled { get; internal set; } = true;

    /// <summary>Whether the adapter is folded into the weight.</summary>
    public bool IsMerged => original is not null;

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

        return EagerMode.IsOn ? Eager(x) : LayerFunction.Run(this, x);
    }

    /// <summary>
    /// The base's weight [out, in]: what is frozen, with what the adapter took out of it at its start put back. The caller
    /// owns it.
    /// </summary>
    internal Tensor BaseWeight()
    {
        using var noGrad = no_grad();
        var frozen = HasPackedBase ? Base.Dequantize() : (original ?? Weight).alias();
        return start is var (a, b) ? frozen.add(b.mm(a), alpha: ((LoraSettings)Settings).Scale).to(frozen.dtype) : frozen;
    }

    /// <summary>A and B as they were when their product was taken out of the frozen weight, or null.</summary>
    internal (Tensor A, Tensor B)? StartFactors => start;

    /// <summary>The weight with the adapter folded in, by plain differentiable operations: [out, in].</summary>
    public abstract Tensor AdaptedWeight();

    /// <summary>y by the plain formula, in ordinary differentiable operations.</summary>
    /// <param name="x">[..., in].</param>
    protected abstract Tensor Plain(Tensor x);

    /// <summary>The output of a layer that was exported for inference, or null.</summary>
    private protected virtual Tensor? Exported(Tensor x) => null;

    /// <summary>The weight that meets x, made of the adapted one; differentiable.</summary>
    private protected virtual Tensor Effective(Tensor weight) => weight;

    ScalarType IExplicitLayer.Dtype => HasPackedBase ? GetParameter("weight.scale").dtype : Weight.dtype;

    IReadOnlyList<Parameter> IExplicitLayer.Trainable => [.. Adapter.Select(pair => pair.Value)];

    IReadOnlyList<Parameter> IExplicitLayer.Frozen => [.. HasPackedBase ? (Parameter[])[] : [Weight], .. Bias is { } bias ? (Parameter[])[bias] : []];

    Tensor IExplicitLayer.Forward(Saved saved, Tensor x) => Forward(saved, x);

    Gradients IExplicitLayer.Backward(Saved saved, Tensor dy) => Backward(saved, dy);

    /// <summary>The weight to fold in.</summary>
    /// <exception cref="InvalidOperationException">It would not be finite.</exception>
    internal Tensor ComputeMerged()
    {
        if (HasPackedBase)
        {
            throw new InvalidOperationException(
                $"Layer '{LayerName}' has a packed base of a few bits, which no adapter can be folded into; nothing was merged. Save the adapter, and merge it into the float model.");
        }

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var merged = AdaptedWeight();
        return merged.isfinite().all().item<bool>()
            ? scope.Detach(merged)
            : throw new InvalidOperationException(
                $"Merging the adapter of layer '{LayerName}' would write a weight that is not finite; nothing was merged. Check the adapter for NaN and infinity.");
    }

    internal void CommitMerge(Tensor merged)
    {
        // The original is kept, not recomputed: only so does Unmerge give it back bit for bit.
        original = Weight.alias().DetachFromDisposeScope();
        Exchange(merged);
    }

    internal void Unmerge()
    {
        if (original is { } weight)
        {
            original = null;
            Exchange(weight);
        }
    }

    /// <summary>
    /// Starts an adapter that depends on the base anew from the base's present weight. What a start takes out of a packed
    /// base it took out before packing.
    /// </summary>
    internal void Start()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        if (!HasPackedBase)
        {
            Weight.copy_(Rest(Weight));
        }
        else if (Settings is LoraSettings { IsDora: true })
        {
            GetParameter("lora_magnitude_vector").copy_(RowNorms.Of(BaseWeight()));
        }
    }

    /// <summary>Gives A and B these values, and takes their product out of the base's weight.</summary>
    internal void Start(Tensor a, Tensor b)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        Weight.copy_(Rest(BaseWeight(), a, b));
    }

    /// <inheritdoc/>
    internal override void Pack(Tensor weight)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        base.Pack(Rest(weight));
    }

    /// <summary>What of the base's weight stays frozen once the adapter has what its method starts from.</summary>
    private Tensor Rest(Tensor weight)
    {
        if (Settings is not LoraSettings settings)
        {
            return weight;
        }

        if (settings.IsDora)
        {
            GetParameter("lora_magnitude_vector").copy_(RowNorms.Of(weight));
        }

        // A decomposition needs more than 16 bits.
        var exact = weight.element_size() == 2 ? weight.to(ScalarType.Float32) : weight;
        switch (settings.Init)
        {
            case LoraInit.Pissa:
                var (a, b) = LowRankStarts.Pissa(exact, settings.Rank, settings.Scale, settings.Iterations);
                return Rest(weight, a, b);
            case LoraInit.Olora:
                (a, b) = LowRankStarts.Olora(exact, settings.Rank);
                return Rest(weight, a, b);
            default:
                if (start is not null)
                {
                    ForgetStart();
                    InitialiseAdapter(weight.device);
                }

                return weight;
        }
    }

    private Tensor Rest(Tensor weight, Tensor a, Tensor b)
    {
        GetParameter("lora_A").copy_(a);
        GetParameter("lora_B").copy_(b);
        ForgetStart();
        var (first, second) = (GetParameter("lora_A").detach().clone(), GetParameter("lora_B").detach().clone());
        start = (first.DetachFromDisposeScope(), second.DetachFromDisposeScope());
        return weight.add(second.mm(first), alpha: -((LoraSettings)Settings).Scale);
    }

    private void ForgetStart()
    {
        start?.A.Dispose();
        start?.B.Dispose();
        start = null;
    }

    /// <summary>Gives the adapter of a layer that was built on the meta device its starting values.</summary>
    internal void InitialiseAdapter(Device target)
    {
        using var scope = NewDisposeScope();
        foreach (var (name, bound) in adapters)
        {
            Replace(name, ComponentMoves.Owned(Initial.Uniform(GetParameter(name).shape, bound, adapterType, target), trainable: true));
        }
    }

    /// <summary>Adds an adapter with starting values beside the one in use.</summary>
    internal void AddWaiting(string name)
    {
        using var scope = NewDisposeScope();
        var device = GetParameter(adapters[0].Name).device;
        waiting.Add(name, adapters.ToDictionary(
            adapter => adapter.Name,
            adapter => ComponentMoves.Owned(Initial.Uniform(GetParameter(adapter.Name).shape, adapter.Bound, GetParameter(adapter.Name).dtype, device), trainable: true)));
        if (Settings is LoraSettings { IsDora: true })
        {
            using var noGrad = no_grad();
            waiting[name]["lora_magnitude_vector"].copy_(RowNorms.Of(BaseWeight()));
        }
    }

    /// <summary>The values of an adapter, in use or waiting.</summary>
    internal IReadOnlyDictionary<string, Parameter> ValuesOf(string name) => name == AdapterName
        ? Adapter.ToDictionary(pair => pair.Name, pair => pair.Value)
        : waiting[name];

    /// <summary>Exchanges the adapter in use with one that waits.</summary>
    internal void Use(string name)
    {
        var next = waiting[name];
        waiting.Remove(name);
        waiting.Add(AdapterName, Adapter.ToDictionary(pair => pair.Name, pair => pair.Value));
        foreach (var (parameter, value) in next)
        {
            Replace(parameter, value);
        }

        AdapterName = name;
    }

    /// <summary>Frees an adapter that waits.</summary>
    internal void Forget(string name)
    {
        foreach (var value in waiting[name].Values)
        {
            value.Dispose();
        }

        waiting.Remove(name);
    }

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
    /// An adapter's parameter in the layer's own type. Over a base of 16 bits adapters are held in 32: small steps would be lost.
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
        adapters.Add((name, bound));
    }

    /// <inheritdoc/>
    protected override void _toEpilog(ScalarType? dtype, Device? device, bool non_blocking)
    {
        base._toEpilog(dtype, device, non_blocking);
        if (original is { } weight)
        {
            original = Moved(weight);
            weight.Dispose();
        }

        foreach (var adapter in waiting.Values)
        {
            foreach (var (name, value) in adapter.ToList())
            {
                adapter[name] = ComponentMoves.Owned(Moved(value), value.requires_grad);
                value.Dispose();
            }
        }

        if (start is var (a, b))
        {
            start = (Moved(a), Moved(b));
            a.Dispose();
            b.Dispose();
        }

        Tensor Moved(Tensor value) => value.to(dtype ?? value.dtype, device ?? value.device, copy: true).DetachFromDisposeScope();
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            original?.Dispose();
            ForgetStart();
            waiting.Keys.ToList().ForEach(Forget);
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

    private void Exchange(Tensor weight)
    {
        var old = Weight;
        Replace("weight", ComponentMoves.Owned(weight, trainable: false));
        old.Dispose();
    }
}
