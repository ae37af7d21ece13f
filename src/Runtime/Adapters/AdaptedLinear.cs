using Marrow.Autograd;
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
    private readonly ScalarType dtype;
    private readonly Device device;
    private Tensor? original;

    /// <summary>Makes the frozen base.</summary>
    protected AdaptedLinear(LinearSite site)
        : base(site)
    {
        (dtype, device) = (site.Dtype, site.Device);
        Weight.requires_grad = false;
        Bias?.requires_grad = false;
    }

    /// <summary>Makes a base that is frozen in a few bits.</summary>
    protected AdaptedLinear(LinearSite site, int packedBits)
        : base(site, packedBits) => (dtype, device) = (site.Dtype, site.Device);

    /// <summary>What the adapter is, as saving needs it.</summary>
    public abstract AdapterSettings Settings { get; }

    /// <summary>The adapter's parameters with their names, in the order they were added.</summary>
    public IEnumerable<(string Name, Parameter Value)> Adapter => adapters.Select(adapter => (adapter.Name, GetParameter(adapter.Name)));

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
            return HasPackedBase ? Packed(x) : nn.functional.linear(x, Effective(original ?? Weight), Bias);
        }

        if (IsMerged)
        {
            return nn.functional.linear(x, Effective(Weight), Bias);
        }

        return EagerMode.IsOn ? Eager(x) : LayerFunction.Run(this, x);
    }

    /// <summary>The weight with the adapter folded in, by plain differentiable operations: [out, in].</summary>
    public abstract Tensor AdaptedWeight();

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

    /// <summary>Gives the adapter of a layer that was built on the meta device its starting values.</summary>
    internal void InitialiseAdapter(Device target)
    {
        using var scope = NewDisposeScope();
        foreach (var (name, bound) in adapters)
        {
            Replace(name, Models.ComponentMoves.Owned(Initial.Uniform(GetParameter(name).shape, bound, dtype, target), trainable: true));
        }
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

    /// <summary>Adds a trainable parameter of zeros.</summary>
    protected void AddAdapter(string name, params long[] sizes) => AddAdapter(name, bound: 0, sizes);

    /// <summary>Adds a trainable parameter that is uniform in ±bound.</summary>
    protected void AddAdapter(string name, double bound, long[] sizes)
    {
        using var scope = NewDisposeScope();
        Add(name, Initial.Uniform(sizes, bound, dtype, device), trainable: true);
        adapters.Add((name, bound));
    }

    /// <inheritdoc/>
    protected override void _toEpilog(ScalarType? dtype, Device? device, bool non_blocking)
    {
        base._toEpilog(dtype, device, non_blocking);
        if (original is { } weight)
        {
            original = weight.to(dtype ?? weight.dtype, device ?? weight.device, copy: true).DetachFromDisposeScope();
            weight.Dispose();
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            original?.Dispose();
        }

        base.Dispose(disposing);
    }

    private Tensor Eager(Tensor x)
    {
        using var scope = NewDisposeScope();
        return scope.MoveToOuter(nn.functional.linear(x, Effective(AdaptedWeight()), Bias));
    }

    private Tensor Packed(Tensor x)
    {
        using var scope = NewDisposeScope();
        return scope.MoveToOuter(nn.functional.linear(x, Base.Dequantize(), Bias));
    }

    private void Exchange(Tensor weight)
    {
        var old = Weight;
        Replace("weight", Models.ComponentMoves.Owned(weight, trainable: false));
        old.Dispose();
    }
}
