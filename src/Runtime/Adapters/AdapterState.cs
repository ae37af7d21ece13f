using static TorchSharp.torch;

namespace Marrow.Adapters;

/// <summary>The adapter of one layer, as saving sees it.</summary>
/// <param name="Settings">The method.</param>
/// <param name="Values">The parameters by name.</param>
/// <param name="Factors">What initialization took out of the weight, by the parameters' names, or null.</param>
internal sealed record AdapterState(
    AdapterSettings Settings, IReadOnlyDictionary<string, Tensor> Values, IReadOnlyDictionary<string, Tensor>? Factors);
