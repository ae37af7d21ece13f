namespace Marrow;

/// <summary>
/// One layer of the model is several in a checkpoint, which lie below each other in this order:
/// <c>[Fuse("blocks.*.qkv", "h.*.q_proj", "h.*.k_proj", "h.*.v_proj")]</c>. Weights and biases alike. Names are those of
/// <see cref="RenameAttribute"/>.
/// </summary>
/// <param name="own">The model's one name.</param>
/// <param name="stored">The names in the checkpoint.</param>
[AttributeUsage(AttributeTargets.Class, AllowMultiple = true, Inherited = false)]
public sealed class FuseAttribute(string own, params string[] stored) : Attribute
{
    /// <summary>The model's one name.</summary>
    public string Own { get; } = own;

    /// <summary>The names in the checkpoint.</summary>
    public string[] Stored { get; } = stored;

    /// <summary>
    /// How the rows are shared out, each a constant or an expression, if not equally:
    /// <c>new object[] { nameof(heads), nameof(keyHeads), nameof(keyHeads) }</c>. Only their ratio counts.
    /// </summary>
    public object[]? Parts { get; set; }
}
