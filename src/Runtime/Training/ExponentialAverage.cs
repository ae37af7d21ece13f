using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Marrow;

/// <summary>
/// An exponential moving average of a model's trainable parameters (EMA), to evaluate and save instead of them. It has
/// 32 bits where they have 16, in which a decay of 0.999 would move nothing.
/// </summary>
public sealed class ExponentialAverage : IDisposable
{
    private readonly nn.Module module;
    private readonly double decay;
    private readonly Dictionary<string, Tensor> averages;
    private Dictionary<string, Tensor>? parameters;

    /// <summary>Starts at the parameters as they are.</summary>
    /// <param name="module">The model.</param>
    /// <param name="decay">Weight of the past: 0.9999 for long trainings.</param>
    public ExponentialAverage(nn.Module module, double decay)
    {
        (this.module, this.decay) = (module, decay);
        averages = module.named_parameters().Where(pair => pair.parameter.requires_grad).ToDictionary(
            pair => pair.name,
            pair => pair.parameter.detach().to(Optimizer.StateType(pair.parameter), copy: true)
                .DetachFromDisposeScope());
    }

    /// <summary>The averages by name.</summary>
    public IEnumerable<(string Name, Tensor Value)> Tensors => averages.Select(pair => (pair.Key, pair.Value));

    /// <summary>Takes the parameters after a step.</summary>
    public void Update()
    {
        using var noGrad = no_grad();
        foreach (var (name, parameter) in Averaged())
        {
            averages[name].mul_(decay).add_(parameter, alpha: 1 - decay);
        }
    }

    /// <summary>Puts the averages in the parameters' place; a second time puts the parameters back.</summary>
    public void Swap()
    {
        using var noGrad = no_grad();
        var kept = parameters;
        parameters = kept is null ? [] : null;
        foreach (var (name, parameter) in Averaged())
        {
            parameters?.Add(name, parameter.detach().clone().DetachFromDisposeScope());
            parameter.copy_(kept is null ? averages[name] : kept[name]);
        }

        Free(kept);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Free(averages);
        Free(parameters);
    }

    private IEnumerable<(string Name, Parameter Value)> Averaged() =>
        module.named_parameters().Where(pair => averages.ContainsKey(pair.name));

    private static void Free(Dictionary<string, Tensor>? tensors)
    {
        foreach (var tensor in tensors?.Values ?? Enumerable.Empty<Tensor>())
        {
            tensor.Dispose();
        }
    }
}
