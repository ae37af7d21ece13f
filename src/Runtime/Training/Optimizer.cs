using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Marrow;

/// <summary>
/// An optimizer whose step is one pass over each parameter, can leave single entries alone bit for bit, and whose whole
/// state is a list of named tensors, so that a resumed run takes the same steps.
/// </summary>
/// <param name="parameters">What it moves.</param>
public abstract class Optimizer(IReadOnlyList<TrainedParameter> parameters) : IDisposable
{
    private readonly Dictionary<string, Tensor> state = [];

    /// <summary>What it moves.</summary>
    public IReadOnlyList<TrainedParameter> Parameters => parameters;

    /// <summary>Steps taken.</summary>
    public long Steps { get; private set; }

    /// <summary>Moves every parameter that has a gradient.</summary>
    /// <param name="rate">The learning rate.</param>
    /// <param name="frozen">Entries to leave alone, bool, by parameter.</param>
    public void Step(double rate, IReadOnlyDictionary<Parameter, Tensor>? frozen = null)
    {
        Steps++;
        using var noGrad = no_grad();
        foreach (var parameter in parameters)
        {
            if (parameter.Value.grad is { } gradient)
            {
                using var scope = NewDisposeScope();
                Step(
                    parameter,
                    gradient.contiguous(),
                    rate * parameter.RateRatio,
                    frozen?.GetValueOrDefault(parameter.Value));
            }
        }
    }

    /// <summary>Clears all gradients.</summary>
    public void ZeroGradients()
    {
        foreach (var parameter in parameters)
        {
            parameter.Value.grad?.zero_();
        }
    }

    /// <summary>The state by name, for checkpoints.</summary>
    public IEnumerable<(string Name, Tensor Value)> State => state.Select(pair => (pair.Key, pair.Value));

    /// <summary>Takes up a state that <see cref="State"/> gave.</summary>
    /// <param name="steps">Steps taken.</param>
    /// <param name="tensors">The state; copied.</param>
    public void Restore(long steps, IReadOnlyDictionary<string, Tensor> tensors)
    {
        Dispose();
        Steps = steps;
        foreach (var (name, value) in tensors)
        {
            state.Add(name, value.clone().DetachFromDisposeScope());
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in state.Values)
        {
            tensor.Dispose();
        }

        state.Clear();
        GC.SuppressFinalize(this);
    }

    /// <summary>Moves one parameter.</summary>
    /// <param name="parameter">The parameter.</param>
    /// <param name="gradient">Its gradient, contiguous.</param>
    /// <param name="rate">Its learning rate.</param>
    /// <param name="frozen">Entries to leave alone, or null.</param>
    private protected abstract void Step(TrainedParameter parameter, Tensor gradient, double rate, Tensor? frozen);

    /// <summary>A tensor of the state that is as the parameter, zeros at first.</summary>
    private protected Tensor StateOf(TrainedParameter parameter, string kind)
    {
        var name = $"{parameter.Name}.{kind}";
        if (!state.TryGetValue(name, out var tensor))
        {
            tensor = zeros_like(parameter.Value).DetachFromDisposeScope();
            state.Add(name, tensor);
        }

        return tensor;
    }
}
