namespace Marrow;

/// <summary>
/// A checkpoint holds several of the model's layers as one, below each other in this order:
/// <c>[Split("h.*.attn.c_attn", "blocks.*.q", "blocks.*.k", "blocks.*.v")]</c>. Weights and biases alike; each layer
/// takes as many rows as it has outputs. Names are those of <see cref="RenameAttribute"/>.
/// </summary>
/// <param name="stored">The one name in the checkpoint.</param>
/// <param name="own">The model's names.</param>
[AttributeUsage(AttributeTargets.Class, AllowMultiple = true, Inherited = false)]
public sealed class SplitAttribute(string stored, params string[] own) : Attribute
{
    /// <summary>The one name in the checkpoint.</summary>
    public string Stored { get; } = stored;

    /// <summary>The model's names.</summary>
    public string[] Own { get; } = own;
}
