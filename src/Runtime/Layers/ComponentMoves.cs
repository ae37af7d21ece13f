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

    /// <summary>
    /// Replaces the module's own parameters and persistent buffers by converted ones; gradients move along.
    /// </summary>
    /// <exception cref="InvalidOperationException">A tensor is on the meta device and has no values.</exception>
    public static void MoveOwn<TModule>(TModule module, ScalarType? dtype, Device? device)
        where TModule : nn.Module, IComponents
    {
        var own = module.named_parameters(recurse: false)
            .Select(pair => (pair.name, value: (Tensor)pair.parameter))
            .Concat(module.named_buffers(recurse: false, include_nonpersistent: false));
        foreach (var (name, value) in own.ToList())
        {
            if (value.device_type == DeviceType.META && device is not null && device.type != DeviceType.META)
            {
                throw new InvalidOperationException(
                    $"'{name}' of '{module.GetName()}' is on the meta device and has no values to move; load weights "
                    + "with LoadPretrained, or build the model on the device.");
            }

            var wanted = dtype is not null && value.is_floating_point() ? dtype.Value : value.dtype;
            var target = device ?? value.device;
            if (wanted == value.dtype && target.type == value.device_type && target.index == value.device_index)
            {
                continue;
            }

            using var scope = NewDisposeScope();
            using var noGrad = no_grad();
            var moved = value.to(wanted, target);
            if (value is Parameter parameter)
            {
                moved = Owned(moved, parameter.requires_grad);
                if (parameter.grad is { } gradient)
                {
                    moved.grad = gradient.to(wanted, target);
                }
            }

            module.Replace(name, moved.DetachFromDisposeScope());
            value.Dispose();
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
