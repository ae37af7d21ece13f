namespace Marrow;

/// <summary>
/// Block affine adaptation (Bone, arXiv 2409.15371): the frozen weight is cut into blocks that share trainable
/// ones. On a class it adapts every layer that <see cref="AdapterAttribute.Targets"/> matches; on a linear layer, that
/// layer. Integer options also accept an expression over the constructor's parameters.
/// </summary>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Property, Inherited = false, AllowMultiple = true)]
public sealed class BoneAttribute : AdapterAttribute
{
    /// <summary>Edge r of a block. 64 if not given.</summary>
    public object BlockSize { get; set; } = 64;

    /// <summary>Which blocks are shared, and how they act. Row if not given.</summary>
    public BoneForm Form { get; set; }

    /// <summary>
    /// With <see cref="BoneForm.Mini"/>: columns of the trainable matrix; must divide the output features.
    /// </summary>
    public object MiniRank { get; set; } = 0;

    /// <summary>With <see cref="BoneForm.Free"/> and Mini: dropout on the adapter's input, in training.</summary>
    public object Dropout { get; set; } = 0.0;
}

/// <summary>The forms of Bone. W is [out, in] in blocks of r × r, S(x) sums x over its shards of length r.</summary>
public enum BoneForm
{
    /// <summary>One block per output block: <c>W′[o,i] = W[o,i] (I + B[o]) + B[o]</c>. PEFT's "bat".</summary>
    Row,

    /// <summary>One block per input block: <c>W′[o,i] = W[o,i] (I + B[i]) + B[i]</c>. RWKV-PEFT's "bat".</summary>
    Column,

    /// <summary><c>y = x Wᵀ + S(x) M</c> with M [r, out]; any sizes. PEFT's MiSS.</summary>
    Free,

    /// <summary>As Free, with M [r, MiniRank] repeated along the output.</summary>
    Mini,
}
