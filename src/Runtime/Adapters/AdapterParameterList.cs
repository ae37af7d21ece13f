using System.Collections;
using Marrow.Adapters;
using TorchSharp.Modules;

namespace Marrow;

/// <summary>
/// The parameters of a model's adapters. As a list they suit any optimizer; <see cref="Groups"/> keeps the learning-
/// rate ratios of LoRA+.
/// </summary>
public sealed class AdapterParameterList : IReadOnlyList<Parameter>
{
    private readonly List<(Parameter Value, double Ratio)> parameters;

    internal AdapterParameterList(IEnumerable<IAdaptedLayer> layers) =>
        parameters = [.. layers.SelectMany(layer =>
            layer.Adaptation.Parameters.Select(pair => (pair.Value, layer.Adaptation.Settings.RateRatio(pair.Name))))];

    /// <inheritdoc/>
    public int Count => parameters.Count;

    /// <inheritdoc/>
    public Parameter this[int index] => parameters[index].Value;

    /// <summary>One group of parameters for each learning rate, for <c>torch.optim.AdamW</c>.</summary>
    /// <param name="learningRate">The rate of parameters without a ratio.</param>
    /// <param name="weightDecay">Decay of all.</param>
    public IReadOnlyList<AdamW.ParamGroup> Groups(double learningRate, double weightDecay = 0) =>
    [
        .. parameters.GroupBy(parameter => parameter.Ratio).Select(group => new AdamW.ParamGroup
        {
            Parameters = group.Select(parameter => parameter.Value),
            Options = new AdamW.Options
            {
                LearningRate = learningRate * group.Key,
                InitialLearningRate = learningRate * group.Key,
                weight_decay = weightDecay,
            },
        }),
    ];

    /// <inheritdoc/>
    public IEnumerator<Parameter> GetEnumerator() => parameters.Select(parameter => parameter.Value).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
