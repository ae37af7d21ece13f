namespace Marrow.Models;

/// <summary>What ids a model knows.</summary>
internal static class Vocabulary
{
    /// <summary>
    /// How many ids the model knows, which is the size of its largest embedding; null if it has none of Marrow's.
    /// </summary>
    public static long? Of(ICausalModel model) =>
        model.Module.modules().OfType<Embedding>().Select(embedding => (long?)embedding.Count).Max();
}
