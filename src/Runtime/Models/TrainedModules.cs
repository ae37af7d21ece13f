using Marrow.Adapters;

namespace Marrow.Models;

/// <summary>
/// The modules that are trained whole beside a model's adapters, whoever unfroze them: PEFT's modules_to_save.
/// </summary>
internal static class TrainedModules
{
    /// <summary>The names of the modules, outermost ones alone.</summary>
    /// <exception cref="InvalidOperationException">
    /// Something is trained that PEFT's format has no place for; the message names it.
    /// </exception>
    public static IReadOnlyList<string> Names(IModel model)
    {
        var names = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var tensor in Base(model).Where(tensor =>
            tensor.Value.requires_grad && !TrainedBiases.Has(model, tensor)))
        {
            var name = tensor.Name.Length > tensor.Key.Length ? tensor.Name[..^(tensor.Key.Length + 1)] : "";
            if (name.Length == 0 || tensor.Owner is IAdaptedLayer)
            {
                throw new InvalidOperationException(
                    $"'{tensor.Name}' is trained beside the adapters, and PEFT's format has no place for it: it holds "
                    + "adapters and whole layers. Freeze it, or save the merged model with SavePretrained.");
            }

            names.Add(name);
        }

        var outermost = names.Where(name => !names.Any(other => IsInside(name, other))).ToList();
        if (model.AdaptedLayers().FirstOrDefault(layer => outermost.Exists(name => IsInside(layer.Name, name)))
            is { Layer: not null } adapted)
        {
            throw new InvalidOperationException(
                $"'{adapted.Name}' is adapted inside a block that is trained whole, and PEFT's format has no place for "
                + "both. Freeze the block, or save the merged model with SavePretrained.");
        }

        return outermost;
    }

    /// <summary>Everything that a module of one of these names holds.</summary>
    public static IEnumerable<StateTensor> State(IModel model, IReadOnlyList<string> names) =>
        Base(model).Where(tensor => names.Any(name => IsInside(tensor.Name, name)));

    private static IEnumerable<StateTensor> Base(IModel model) =>
        StateTensor.Of(model).Where(tensor => !tensor.IsOfAdapter);

    private static bool IsInside(string name, string module) =>
        name.StartsWith(module + ".", StringComparison.Ordinal);
}
