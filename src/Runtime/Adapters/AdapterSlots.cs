using Marrow.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Marrow.Adapters;

/// <summary>
/// The adapters of one layer: the one in use, whose parameters are the layer's own, and others of the same shapes that
/// wait beside it under their names.
/// </summary>
/// <param name="layer">The layer.</param>
internal sealed class AdapterSlots(IAdaptedLayer layer) : IDisposable
{
    // With what makes the values that a new adapter starts from.
    private readonly List<(string Name, Func<long[], ScalarType, Device, Tensor> Initial)> parameters = [];
    private readonly Dictionary<string, Dictionary<string, Parameter>> waiting = [];

    /// <summary>The name of the adapter in use.</summary>
    public string InUse { get; private set; } = "default";

    /// <summary>Names of the adapters that wait.</summary>
    public IEnumerable<string> Waiting => waiting.Keys;

    /// <summary>Names of the parameters, in the order they were declared.</summary>
    public IEnumerable<string> Parameters => parameters.Select(parameter => parameter.Name);

    /// <summary>The parameters of an adapter, in use or waiting.</summary>
    public IReadOnlyDictionary<string, Parameter> this[string name] =>
        name == InUse ? Present() : waiting[name];

    /// <summary>Says that every adapter has a parameter of this name.</summary>
    /// <param name="parameter">The name.</param>
    /// <param name="initial">Makes its first value, from sizes, type and device.</param>
    public void Declare(string parameter, Func<long[], ScalarType, Device, Tensor> initial) =>
        parameters.Add((parameter, initial));

    /// <summary>Gives parameters of the adapter in use the values of a new one.</summary>
    public void Reset(IEnumerable<string> names)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        foreach (var (name, initial) in parameters.Where(parameter => names.Contains(parameter.Name)))
        {
            var value = layer.GetParameter(name);
            value.copy_(initial(value.shape, value.dtype, value.device));
        }
    }

    /// <summary>
    /// Gives the adapter in use of a layer that was built on the meta device the values of a new one.
    /// </summary>
    public void Materialize(ScalarType dtype, Device device)
    {
        using var scope = NewDisposeScope();
        foreach (var (name, value) in New(dtype, device))
        {
            layer.Replace(name, value);
        }
    }

    /// <summary>Adds a new adapter that waits.</summary>
    public IReadOnlyDictionary<string, Parameter> Add(string name)
    {
        using var scope = NewDisposeScope();
        var like = layer.GetParameter(parameters[0].Name);
        var adapter = New(like.dtype, like.device);
        waiting.Add(name, adapter);
        return adapter;
    }

    /// <summary>Exchanges the adapter in use with one that waits.</summary>
    public void Use(string name)
    {
        waiting.Remove(name, out var next);
        waiting.Add(InUse, Present());
        foreach (var (parameter, value) in next!)
        {
            layer.Replace(parameter, value);
        }

        InUse = name;
    }

    /// <summary>Frees an adapter that waits.</summary>
    public void Forget(string name)
    {
        waiting.Remove(name, out var adapter);
        foreach (var value in adapter!.Values)
        {
            value.Dispose();
        }
    }

    /// <summary>Moves the waiting adapters along with the layer.</summary>
    public void Move(ScalarType? dtype, Device? device)
    {
        foreach (var adapter in waiting.Values)
        {
            foreach (var (name, value) in adapter.ToList())
            {
                adapter[name] = ComponentMoves.Owned(ComponentMoves.Copy(value, dtype, device), value.requires_grad);
                value.Dispose();
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Waiting.ToList().ForEach(Forget);

    private Dictionary<string, Parameter> Present() =>
        layer.Adaptation.Parameters.ToDictionary(pair => pair.Name, pair => pair.Value);

    private Dictionary<string, Parameter> New(ScalarType dtype, Device device) => parameters.ToDictionary(
        parameter => parameter.Name,
        parameter => ComponentMoves.Owned(
            parameter.Initial(layer.GetParameter(parameter.Name).shape, dtype, device), trainable: true));
}
