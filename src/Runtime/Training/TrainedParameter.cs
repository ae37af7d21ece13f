using Marrow.Adapters;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Marrow;

/// <summary>A parameter that an optimizer moves.</summary>
/// <param name="Name">Its name from the model's root.</param>
/// <param name="Value">The parameter.</param>
/// <param name="IsDecayed">Whether weight decay applies.</param>
/// <param name="RateRatio">Its learning rate as a multiple of the others'.</param>
public sealed record TrainedParameter(string Name, Parameter Value, bool IsDecayed = true, double RateRatio = 1)
{
    /// <summary>
    /// The trainable parameters of a model. As in timm, vectors (biases, norms, quantizer steps) and embeddings of
    /// positions and class tokens are not decayed. Adapters have the rate ratios of their attributes.
    /// </summary>
    public static IReadOnlyList<TrainedParameter> Of(nn.Module module)
    {
        var ratios = module.modules().Prepend(module).OfType<IAdaptedLayer>()
            .Select(layer => layer.Adaptation)
            .SelectMany(adapter => adapter.Parameters.Select(pair =>
                (Parameter: pair.Value, Ratio: adapter.Settings.RateRatio(pair.Name))))
            .ToDictionary(pair => pair.Parameter, pair => pair.Ratio);
        return
        [
            .. module.named_parameters()
                .Where(pair => pair.parameter.requires_grad)
                .Select(pair => new TrainedParameter(
                    pair.name,
                    pair.parameter,
                    IsDecayed: pair.parameter.dim() > 1 && !IsPosition(pair.name),
                    ratios.GetValueOrDefault(pair.parameter, 1))),
        ];
    }

    private static bool IsPosition(string name) =>
        name.EndsWith("pos_embed", StringComparison.Ordinal) || name.EndsWith("_token", StringComparison.Ordinal)
        || name.EndsWith("relative_position_bias_table", StringComparison.Ordinal);
}
