using Marrow.Adapters;
using TorchSharp.Modules;

namespace Marrow.Models;

/// <summary>The biases that are trained beside a model's adapters.</summary>
internal static class TrainedBiases
{
    /// <summary>The biases with their owners' names, as PEFT has them where a layer is adapted.</summary>
    public static IEnumerable<(StateTensor Tensor, Parameter Value)> Of(IModel model) =>
        from tensor in StateTensor.Of(model)
        where Has(model, tensor)
        select (tensor, (Parameter)tensor.Value);

    /// <summary>Whether a tensor is one of them.</summary>
    public static bool Has(IModel model, StateTensor tensor) => !tensor.IsBuffer && !tensor.IsOfAdapter
        && model.State.Biases switch
        {
            AdapterBias.All => tensor.Name.Contains("bias", StringComparison.Ordinal),
            AdapterBias.Adapted => tensor is { Owner: IAdaptedLayer, Key: "bias" },
            _ => false,
        };
}
