using Marrow.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Marrow.Adapters;

/// <summary>
/// The adapter of one layer: its parameters and those that wait beside them, whether it is on or merged, and what it
/// took out of the frozen weight.
/// </summary>
internal sealed class Adaptation : ICompanion
{
    private readonly IAdaptedLayer layer;
    private readonly InitialFactors factors = new();
    private readonly ScalarType dtype;
    private readonly Device device;

    /// <param name="layer">The layer.</param>
    /// <param name="settings">The method and its options.</param>
    /// <param name="dtype">Type of the base. Over one of 16 bits adapters have 32: small steps would be lost.</param>
    /// <param name="device">Where it is built.</param>
    public Adaptation(IAdaptedLayer layer, AdapterSettings settings, ScalarType dtype, Device device)
    {
        (this.layer, this.device) = (layer, device);
        this.dtype = dtype is ScalarType.BFloat16 or ScalarType.Float16 ? ScalarType.Float32 : dtype;
        (Slots, Merged) = (new(layer), new(layer));
        Settings = settings;
    }

    /// <summary>
    /// The adapter's method and options. Those that are known only at run time take the place of the emitted ones,
    /// which compute the same.
    /// </summary>
    public AdapterSettings Settings
    {
        get;
        set
        {
            field = value;
            IsStarted = value.NeededBeforeTraining is null;
        }
    }

    /// <summary>Its parameters with their names, in the order they were declared.</summary>
    public IEnumerable<(string Name, Parameter Value)> Parameters =>
        Slots.Parameters.Select(name => (name, layer.GetParameter(name)));

    /// <summary>The adapter in use and those that wait beside it.</summary>
    public AdapterSlots Slots { get; }

    /// <summary>The merging of the adapter into the weight.</summary>
    public MergedWeight Merged { get; }

    /// <summary>Whether the adapter is folded into the weight.</summary>
    public bool IsMerged => Merged.Original is not null;

    /// <summary>Whether the forward pass uses the adapter.</summary>
    public bool IsEnabled { get; set; } = true;

    /// <summary>Whether the adapter has values to train from, which some methods get only after building.</summary>
    public bool IsStarted { get; set; }

    /// <summary>
    /// Whether its values were given: loaded, restored or made of gradients. They suit the base that was there.
    /// </summary>
    public bool IsGiven { get; set; }

    /// <summary>What initialization took out of the frozen weight, by the parameters' names, or null.</summary>
    public IReadOnlyDictionary<string, Tensor>? Factors => factors.Values;

    /// <summary>Says that the adapter has a parameter of this name.</summary>
    /// <param name="name">The name.</param>
    /// <param name="sizes">Its sizes.</param>
    /// <param name="initial">Makes its first value, from sizes, type and device.</param>
    /// <returns>The first value.</returns>
    public Tensor Declare(string name, long[] sizes, Func<long[], ScalarType, Device, Tensor> initial)
    {
        Slots.Declare(name, initial);
        return initial(sizes, dtype, device);
    }

    /// <summary>
    /// The base's weight: what is frozen, with what initialization took out of it put back. The caller owns it.
    /// </summary>
    public Tensor BaseWeight()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var frozen = layer.HasPackedBase ? layer.UnpackedBase() : (Merged.Original ?? layer.Weight).alias();
        return scope.MoveToOuter(
            Factors is { } taken ? Settings.AddFactors(frozen, taken, 1).to(frozen.dtype) : frozen);
    }

    /// <summary>
    /// The weight that the layer computes with: the base's where the adapter is off, the merged or adapted one
    /// elsewhere. Temporaries are freed by the caller.
    /// </summary>
    public Tensor EffectiveWeight() => !IsEnabled ? BaseWeight() : IsMerged ? layer.Weight : layer.AdaptedWeight();

    /// <summary>
    /// Initializes an adapter that depends on the base anew from the base's present weight. What a method takes out of
    /// a packed base it took out before packing.
    /// </summary>
    public void Initialize()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        IsGiven = false;
        Set(Settings.InitialValues(layer.HasPackedBase ? BaseWeight() : layer.Weight));
        if (!layer.HasPackedBase)
        {
            layer.Weight.copy_(WithoutFactors(layer.Weight));
        }
    }

    /// <summary>Gives parameters these values, and takes their effect out of the base's weight.</summary>
    public void Initialize(IReadOnlyDictionary<string, Tensor> initial)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        layer.Weight.copy_(WithoutFactors(BaseWeight(), initial));
        (IsStarted, IsGiven) = (true, true);
    }

    /// <summary>Gives the adapter of a layer that was built on the meta device its first values.</summary>
    public void Materialize(Device target) => Slots.Materialize(dtype, target);

    /// <summary>Adds an adapter with first values beside the one in use.</summary>
    public void AddWaiting(string name)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var adapter = Slots.Add(name);
        foreach (var (parameter, value) in Settings.InitialValues(BaseWeight()))
        {
            adapter[parameter].copy_(value);
        }
    }

    /// <summary>What of a base's weight stays frozen once the method has taken out what it starts from.</summary>
    public Tensor WithoutFactors(Tensor weight)
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

    /// <inheritdoc/>
    public void Move(ScalarType? type, Device? target)
    {
        Merged.Move(type, target);
        Slots.Move(type, target);
        factors.Move(type, target);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Merged.Dispose();
        Slots.Dispose();
        factors.Dispose();
    }

    private Tensor WithoutFactors(Tensor weight, IReadOnlyDictionary<string, Tensor> initial)
    {
        Set(initial);

        // As the parameters hold them, which may have rounded them.
        return Settings.AddFactors(
            weight, factors.Keep(initial.Keys.Select(name => (name, (Tensor)layer.GetParameter(name)))), -1);
    }

    private void Set(IReadOnlyDictionary<string, Tensor> values)
    {
        foreach (var (name, value) in values)
        {
            layer.GetParameter(name).copy_(value);
        }
    }
}
