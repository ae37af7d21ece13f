using System.Collections;
using System.Reflection;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Marrow.Models;

/// <summary>
/// Puts modules of a model in the place of others. Whoever holds a module has it in TorchSharp's table and in a field,
/// emitted or hand-written, or in a list in a field; no interface reaches these, so they are found by reflection.
/// </summary>
/// <param name="model">The model.</param>
internal sealed class ModuleExchange(nn.Module model)
{
    private static readonly FieldInfo Children = typeof(nn.Module).GetField(
        "_internal_submodules", BindingFlags.Instance | BindingFlags.NonPublic)!;

    /// <summary>Exchanges each key for its value wherever it is held.</summary>
    public void Replace(IReadOnlyDictionary<nn.Module, nn.Module> fresh)
    {
        foreach (var holder in model.modules().Prepend(model).ToList())
        {
            var children = (OrderedDict<string, nn.Module>)Children.GetValue(holder)!;
            foreach (var (name, child) in holder.named_children().ToList())
            {
                if (fresh.TryGetValue(child, out var next))
                {
                    children[name] = next;
                }
            }

            for (var type = holder.GetType(); type != typeof(nn.Module); type = type.BaseType!)
            {
                foreach (var field in type.GetFields(
                    BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
                {
                    Exchange(holder, field, fresh);
                }
            }
        }
    }

    private static void Exchange(
        nn.Module holder, FieldInfo field, IReadOnlyDictionary<nn.Module, nn.Module> fresh)
    {
        if (field.FieldType.IsValueType)
        {
            return;
        }

        switch (field.GetValue(holder))
        {
            case nn.Module module when fresh.TryGetValue(module, out var next):
                field.SetValue(holder, next);
                break;
            case IList list:
                for (var i = 0; i < list.Count; i++)
                {
                    if (list[i] is nn.Module item && fresh.TryGetValue(item, out var replacement))
                    {
                        list[i] = replacement;
                    }
                }

                break;
        }
    }
}
