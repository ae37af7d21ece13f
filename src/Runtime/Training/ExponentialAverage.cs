using static TorchSharp.torch;

namespace Marrow;

/// <summary>
/// An exponential moving average of a model's parameters (EMA), to evaluate and save instead of them.
/// </summary>
public sealed class ExponentialAverage : IDisposable
{
    private readonly nn.Module module;
    private readonly double decay;
    private readonly Dictionary<string, Tensor> averages;

    /// <summary>Starts at the parameters as they are.</summary>
    /// <param name="module">The model.</param>
    /// <param name="decay">Weight of the past: 0.9999 for long trainings.</param>
    public ExponentialAverage(nn.Module module, double decay)
    {
        (this.module, this.decay) = (module, decay);
        averages = module.named_parameters().ToDictionary(pair => pair.name, pair =>
            pair.parameter.detach().clone().DetachFromDisposeScope());
    }

    /// <summary>The averages by name.</summary>
    public IEnumerable<(string Name, Tensor Value)> Tensors => averages.Select(pair => (pair.Key, pair.Value));

    /// <summary>Takes the parameters after a step.</summary>
    public void Update()
    {
        using var noGrad = no_grad();
        foreach (var (name, parameter) in module.named_parameters())
        {
            averages[name].mul_(decay).add_(parameter, alpha: 1 - decay);
        }
    }

    /// <summary>Exchanges averages and parameters; a second time exchanges them back.</summary>
    public void Swap()
    {
        using var noGrad = no_grad();
        foreach (var (name, parameter) in module.named_parameters())
        {
            using var before = parameter.detach().clone();
            parameter.copy_(averages[name]);
            averages[name].copy_(before);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var average in averages.Values)
        {
            average.Dispose();
        }
    }
}
