using Marrow.Adapters;
using Marrow.Layers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Marrow.Models;

/// <summary>A parameter or persistent buffer below a model, whoever wrote the module that holds it.</summary>
/// <param name="Name">Its name from the model's root.</param>
/// <param name="Owner">The module that holds it.</param>
/// <param name="Key">Its name there.</param>
/// <param name="Value">Its value.</param>
internal sealed record StateTensor(string Name, nn.Module Owner, string Key, Tensor Value)
{
    /// <summary>Everything that a model's state consists of, adapters and quantizers included.</summary>
    public static IEnumerable<StateTensor> Of(IModel model)
    {
        foreach (var (prefix, module) in model.Module.named_modules().Prepend(("", model.Module)))
        {
            foreach (var (key, value) in module.named_parameters(recurse: false))
            {
                yield return new(Full(prefix, key), module, key, value);
            }

            foreach (var (key, value) in module.named_buffers(recurse: false, include_nonpersistent: false))
            {
                yield return new(Full(prefix, key), module, key, value);
            }
        }

        static string Full(string prefix, string key) => prefix.Length == 0 ? key : $"{prefix}.{key}";
    }

    /// <summary>Whether training may change it without an optimizer, as running statistics.</summary>
    public bool IsBuffer => Value is not Parameter;

    /// <summary>Whether it is a parameter of an adapter, and not of the base.</summary>
    public bool IsOfAdapter => Owner is IAdaptedLayer layer
        && layer.Adaptation.Parameters.Any(pair => pair.Name == Key);

    /// <summary>
    /// What values are copied into: a tensor on the meta device is replaced by zeros elsewhere first.
    /// </summary>
    /// <param name="device">Where those are.</param>
    /// <exception cref="InvalidOperationException">It is on the meta device, in a hand-written module.</exception>
    public Tensor Target(Device device)
    {
        if (Value.device_type != DeviceType.META)
        {
            return Value;
        }

        if (Owner is not IComponents components)
        {
            throw new InvalidOperationException(
                $"'{Name}' of the hand-written module {Owner.GetType().Name} is on the meta device and cannot be "
                + "replaced from outside; build the module on a device with memory.");
        }

        using var scope = NewDisposeScope();
        var fresh = zeros(Value.shape, dtype: Value.dtype, device: device);
        var target = IsBuffer ? fresh.DetachFromDisposeScope() : ComponentMoves.Owned(fresh, Value.requires_grad);
        components.Replace(Key, target);
        return target;
    }
}
