using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Marrow;

/// <summary>
/// An optimizer whose step is one pass over each parameter, can leave single entries alone bit for bit, and whose whole
/// state is a list of named tensors, so that a resumed run takes the same steps. A parameter of 16 bits, in which small
/// steps would vanish, is the rounding of a copy in 32 that it moves (arXiv 1710.03740, section 3.1).
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
        List<TrainedParameter> moved = [.. parameters.Where(parameter => parameter.Value.grad is not null)];
        foreach (var parameter in moved.Except(StepTogether(moved, rate, frozen)))
        {
            using var scope = NewDisposeScope();
            var weight = Weight(parameter);
            Step(
                parameter,
                weight,
                parameter.Value.grad!.to(weight.dtype).contiguous(),
                rate * parameter.RateRatio,
                frozen?.GetValueOrDefault(parameter.Value));
            if (!ReferenceEquals(weight, parameter.Value))
            {
                parameter.Value.copy_(weight);
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
        var devices = parameters.ToDictionary(parameter => parameter.Name, parameter => parameter.Value.device);
        foreach (var (name, value) in tensors)
        {
            var device = devices.GetValueOrDefault(name[..Math.Max(0, name.LastIndexOf('.'))], value.device);
            state.Add(name, value.to(device, copy: true).DetachFromDisposeScope());
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

    /// <summary>The type in which a parameter's state is kept: its own, but 32 bits in place of 16.</summary>
    internal static ScalarType StateType(Tensor parameter) =>
        parameter.dtype is ScalarType.Float16 or ScalarType.BFloat16 ? ScalarType.Float32 : parameter.dtype;

    /// <summary>Moves those parameters that can be moved at once, masters and all.</summary>
    /// <param name="moved">The parameters with gradients.</param>
    /// <param name="rate">The learning rate.</param>
    /// <param name="frozen">Entries to leave alone, bool, by parameter.</param>
    /// <returns>The parameters that it moved.</returns>
    private protected virtual IEnumerable<TrainedParameter> StepTogether(
        IReadOnlyList<TrainedParameter> moved, double rate, IReadOnlyDictionary<Parameter, Tensor>? frozen) => [];

    /// <summary>Moves one parameter.</summary>
    /// <param name="parameter">The parameter.</param>
    /// <param name="weight">What is moved: its value, or the copy of which it is the rounding.</param>
    /// <param name="gradient">Its gradient, contiguous, of the weight's type.</param>
    /// <param name="rate">Its learning rate.</param>
    /// <param name="frozen">Entries to leave alone, or null.</param>
    private protected abstract void Step(
        TrainedParameter parameter, Tensor weight, Tensor gradient, double rate, Tensor? frozen);

    /// <summary>A tensor of the state that is as the parameter, zeros at first.</summary>
    private protected Tensor StateOf(TrainedParameter parameter, string kind)
    {
        var name = $"{parameter.Name}.{kind}";
        if (!state.TryGetValue(name, out var tensor))
        {
            tensor = zeros_like(parameter.Value, dtype: StateType(parameter.Value)).DetachFromDisposeScope();
            state.Add(name, tensor);
        }

        return tensor;
    }

    /// <summary>The copy in 32 bits of which a parameter is the rounding; null where it is none.</summary>
    private protected Tensor? MasterOf(TrainedParameter parameter)
    {
        var (value, name) = (parameter.Value, $"{parameter.Name}.master");
        if (StateType(value) == value.dtype)
        {
            return null;
        }

        if (!state.TryGetValue(name, out var master))
        {
            master = value.detach().to(StateType(value)).DetachFromDisposeScope();
            state.Add(name, master);
        }

        return master;
    }

    /// <summary>The parameter itself, or its copy in 32 bits.</summary>
    private Tensor Weight(TrainedParameter parameter)
    {
        var value = parameter.Value;
        if (MasterOf(parameter) is not { } master)
        {
            return value;
        }

        // An entry that is not the copy's rounding was set by somebody else since the last step.
        return master.copy_(where(master.to(value.dtype) == value, master, value.to(master.dtype)));
    }
}
