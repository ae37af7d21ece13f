namespace Marrow;

/// <summary>
/// How public checkpoints of the architecture differ from the model, beside the names that <see cref="RenameAttribute"/>,
/// <see cref="SplitAttribute"/> and <see cref="FuseAttribute"/> say. <c>LoadPretrained</c> reads such a checkpoint, and
/// <c>SavePretrained</c> writes one. Patterns are joined by <c>|</c>, name tensors or layers of the checkpoint without
/// the prefix, and hold <c>*</c> for any text. Classes that derive from the class have the same checkpoint, and a
/// block's is relative to the block.
/// </summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class CheckpointAttribute : Attribute
{
    /// <summary>
    /// What the checkpoint's names begin with: <c>"transformer."</c>. Checkpoints in which no name begins with it are
    /// read as well.
    /// </summary>
    public string? Prefix { get; set; }

    /// <summary>The names that do not begin with <see cref="Prefix"/>: <c>"lm_head"</c>.</summary>
    public string? Unprefixed { get; set; }

    /// <summary>
    /// Weights that are stored as [in, out], as GPT-2's Conv1D does: <c>"*.c_attn|*.c_proj|*.c_fc"</c>. Biases stay
    /// as they are.
    /// </summary>
    public string? Transpose { get; set; }

    /// <summary>Tensors of the checkpoint that are left out: <c>"*.masked_bias|*.position_ids"</c>.</summary>
    public string? Ignore { get; set; }
}
