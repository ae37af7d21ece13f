using Marrow.Layers;

namespace Marrow.Models;

/// <summary>How many ids a model knows.</summary>
internal static class VocabularySize
{
    /// <summary>
    /// The outputs of its head, or, without one, the rows of its largest embedding: that of positions may be larger
    /// than that of ids. Null if it has neither of Marrow's.
    /// </summary>
    public static long? Of(ICausalModel model)
    {
        var modules = model.Module.modules().ToList();
        return modules.OfType<Linear>().Where(layer => layer is TiedLinear || layer.IsHead)
                .Select(head => (long?)head.OutFeatures).Max()
            ?? modules.OfType<Embedding>().Select(embedding => (long?)embedding.Count).Max();
    }
}
