namespace Marrow;

/// <summary>
/// A checkpoint calls a layer or a tensor otherwise than the model does: <c>[Rename("h.*.ln_1", "blocks.*.norm1")]</c>,
/// <c>[Rename("*.norm.gamma", "*.norm.weight")]</c>. <c>*</c> stands for any text, the same on both sides. The rules of
/// a class lead from the model's names to the checkpoint's, in their order: each sees the names that those above it made.
/// </summary>
/// <param name="stored">The name in the checkpoint.</param>
/// <param name="own">The model's name.</param>
[AttributeUsage(AttributeTargets.Class, AllowMultiple = true, Inherited = false)]
public sealed class RenameAttribute(string stored, string own) : Attribute
{
    /// <summary>The name in the checkpoint.</summary>
    public string Stored { get; } = stored;

    /// <summary>The model's name.</summary>
    public string Own { get; } = own;
}
