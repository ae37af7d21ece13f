using System.ComponentModel;
using Marrow.Adapters;
using Marrow.Adapters.Peft;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Marrow.CompilerServices;

/// <summary>
/// An adapter method with its options: everything about the method that is not the emitted layer's mathematics. Nothing
/// outside a method's folder names its settings but <c>AdapterLayers</c>, which makes adapters that a file says.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public abstract record AdapterSettings
{
    /// <summary>The compile-time size rules, for sizes that are known only at run time.</summary>
    /// <exception cref="ArgumentException">The adapter does not suit the layer's sizes.</exception>
    internal abstract void Check(LinearSite site);

    /// <summary>The fields of PEFT's adapter_config.json that make the adapter what it is.</summary>
    internal abstract IReadOnlyList<PeftField> PeftFields { get; }

    /// <summary>
    /// The settings without those that may differ between the layers of one adapter in PEFT's format.
    /// </summary>
    internal virtual AdapterSettings Kind => this;

    /// <summary>
    /// Fields of PEFT's configuration that change what the adapter does, and that its attribute does not have.
    /// </summary>
    internal virtual IReadOnlyList<string> UnsupportedPeftFields => [];

    /// <summary>Learning rate of a parameter as a multiple of the base rate.</summary>
    internal virtual double RateRatio(string parameter) => 1;

    /// <summary>
    /// Values of parameters that follow from the base's weight W [out, in], by the parameters' names.
    /// </summary>
    internal virtual IReadOnlyDictionary<string, Tensor> InitialValues(Tensor weight) =>
        new Dictionary<string, Tensor>();

    /// <summary>
    /// Values of parameters that are made of W [out, in] and whose effect is taken out of it, so that the layer's
    /// output stays what it was; null if the method leaves W alone.
    /// </summary>
    internal virtual IReadOnlyDictionary<string, Tensor>? InitialFactors(Tensor weight) => null;

    /// <summary>Whether what an adapter starts from, and so what it means, depends on the base.</summary>
    internal virtual bool DependsOnBase => false;

    /// <summary>
    /// What must be called before training, as the end of a sentence; null if an adapter can train as it is built.
    /// </summary>
    internal virtual string? NeededBeforeTraining => null;

    /// <summary>W [out, in] plus <paramref name="times"/> times the effect of initial factors.</summary>
    internal virtual Tensor AddFactors(Tensor weight, IReadOnlyDictionary<string, Tensor> factors, double times) =>
        throw new NotSupportedException($"{GetType().Name} takes nothing out of the weight.");

    /// <summary>Name in a training checkpoint of what a parameter was initialized with.</summary>
    internal virtual string FactorName(string parameter) => parameter;

    /// <summary>The parameters of one adapter whose change of the weight is the weighted sum of others'.</summary>
    /// <exception cref="InvalidOperationException">The method has no such adapter.</exception>
    internal virtual IReadOnlyDictionary<string, Tensor> Combine(
        IReadOnlyList<(IReadOnlyDictionary<string, Parameter> Values, double Weight)> parts) =>
        throw new InvalidOperationException($"Adapters of {GetType().Name} have no weighted sum; merge one instead.");

    /// <summary>
    /// What is saved of an adapter; the adapter as it is, unless its initialization cannot be repeated elsewhere.
    /// </summary>
    internal virtual AdapterState Saved(AdapterState state) => state;

    /// <summary>
    /// A [r, in] and B [out, r] of which the adapter adds B A to the weight; null if there are none that are smaller
    /// than the weight.
    /// </summary>
    /// <param name="state">The adapter.</param>
    /// <param name="inFeatures">Features of the layer's input.</param>
    /// <param name="outFeatures">Features of its output.</param>
    internal virtual (Tensor A, Tensor B)? LowRank(AdapterState state, long inFeatures, long outFeatures) => null;

    /// <summary>PEFT's name of a parameter, below the layer's.</summary>
    internal virtual string PeftName(string parameter) => parameter;

    /// <summary>A name that earlier versions of PEFT gave the parameter, or null.</summary>
    internal virtual string? FormerPeftName(string parameter) => null;

    /// <summary>RWKV-PEFT's name of a parameter, below the layer's; null if RWKV-PEFT has no such adapter.</summary>
    internal virtual string? RwkvPeftName(string parameter) => null;
}
