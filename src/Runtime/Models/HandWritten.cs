using System.Reflection;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Marrow.Models;

/// <summary>Modules that are written by hand, in TorchSharp's own way.</summary>
internal static class HandWritten
{
    /// <summary>Refuses a module that holds others and has registered none: a forgotten RegisterComponents.</summary>
    /// <exception cref="ArgumentException">It is one; names what it holds.</exception>
    public static void RequireRegistered(nn.Module module, string name)
    {
        if (module.named_children().Any() || module.named_parameters().Any() || module.named_buffers().Any()
            || Held(module) is not { } held)
        {
            return;
        }

        throw new ArgumentException(
            $"'{name}', a {module.GetType().Name}, holds '{held.Name}' and has registered nothing, so it would be in "
            + "no checkpoint, not moved and not trained; call RegisterComponents() at the end of its constructor.");
    }

    /// <summary>
    /// Takes a new module's tensors out of the dispose scope that it was made in, as all of a model's are: TorchSharp
    /// leaves those of recurrent layers, of attention and of plain buffers there. Gives a group norm its values, which
    /// TorchSharp leaves uninitialized.
    /// </summary>
    public static void Own(nn.Module module)
    {
        foreach (var tensor in module.parameters().Concat(module.buffers()))
        {
            tensor.DetachFromDisposeScope();
        }

        if (module is GroupNorm { weight: { } weight, bias: { } bias })
        {
            nn.init.ones_(weight);
            nn.init.zeros_(bias);
        }
    }

    /// <summary>A field of the user's own classes with a module or a parameter, or null.</summary>
    private static FieldInfo? Held(nn.Module module)
    {
        const BindingFlags Own =
            BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;
        for (var type = module.GetType(); type.Assembly != typeof(nn.Module).Assembly; type = type.BaseType!)
        {
            if (type.GetFields(Own).FirstOrDefault(field =>
                field.GetValue(module) is nn.Module or Parameter) is { } found)
            {
                return found;
            }
        }

        return null;
    }
}
