using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Marrow.Layers;

/// <summary>
/// Moves parameters between devices and types. TorchSharp's own epilogue finds them by reflection and fails on
/// get-only properties; this one goes through the module's table.
/// </summary>
internal static class ComponentMoves
{
    /// <summary>
    /// A parameter that no dispose scope owns. TorchSharp moves the value over: the argument is empty afterwards.
    /// </summary>
    public static Parameter Owned(Tensor value, bool trainable)
    {
        using var none = NewDisposeScope();
        var parameter = new Parameter(value, trainable);
        parameter.DetachFromDisposeScope();
        return parameter;
    }

    /// <summary>A converted copy that no dispose scope owns; null keeps the type or the device.</summary>
    public static Tensor Copy(Tensor value, ScalarType? dtype, Device? device) =>
        value.to(dtype ?? value.dtype, device ?? value.device, copy: true).DetachFromDisposeScope();

    /// <summary>Replaces the module's own parameters by converted ones; gradients move along.</summary>
    /// <exception cref="InvalidOperationException">A parameter is on the meta device and has no values.</exception>
    public static void MoveParameters<TModule>(TModule module, ScalarType? dtype, Device? device)
        where TModule : nn.Module, IComponents
    {
        foreach (var (name, parameter) in module.named_parameters(recurse: false).ToList())
        {
            if (parameter.device_type == DeviceType.META && device is not null && device.type != DeviceType.META)
            {
                throw new InvalidOperationException(
                    $"Parameter '{name}' of '{module.GetName()}' is on the meta device and has no values to move; load "
                    + "weights with LoadPretrained, or build the model on the device.");
            }

            var wanted = dtype is not null && parameter.is_floating_point() ? dtype.Value : parameter.dtype;
            var target = device ?? parameter.device;
            if (wanted == parameter.dtype && target.type == parameter.device_type
                && target.index == parameter.device_index)
            {
                continue;
            }

            using var scope = NewDisposeScope();
            using var noGrad = no_grad();
            var moved = Owned(parameter.to(wanted, target), parameter.requires_grad);
            if (parameter.grad is { } gradient)
            {
                moved.grad = gradient.to(wanted, target);
            }

            module.Replace(name, moved);
            parameter.Dispose();
        }
    }

    /// <summary>Moves the children, each by its own rules.</summary>
    public static void MoveChildren(nn.Module module, ScalarType? dtype, Device? device)
    {
        foreach (var (_, child) in module.named_children())
        {
            _ = (dtype, device) switch
            {
                (null, { } target) => child.to(target),
                ({ } type, null) => child.to(type),
                ({ } type, { } target) => child.to(target, type),
                _ => child,
            };
        }
    }
}
