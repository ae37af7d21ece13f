using Marrow.Models;

namespace Marrow.Examples.FineTune;

// The whole experiment: one architecture, one line per method. The attribute decides what the generator emits for every
// projection (its fused forward and backward, what is trainable, how it is saved); nothing else in this program differs.
// The sizes are those of the base at hand, so they are checked when a model is built; with constants in
// the base call the compiler would check them.

/// <summary>No adapter: every weight trains.</summary>
[Model]
public partial class FullTuning(LlamaSizes sizes) : Llama(
    sizes.Vocabulary, sizes.Hidden, sizes.Intermediate, sizes.Layers, sizes.Heads, sizes.KeyValueHeads,
    sizes.Context, sizes.NormEps, sizes.RopeTheta, sizes.Tied);

/// <summary>Bone with one block for each row of blocks, <c>W′ = W (I + B) + B</c>.</summary>
[Bone(BlockSize = nameof(block))]
public sealed partial class BoneRow(LlamaSizes sizes, int block) : FullTuning(sizes);

/// <summary>Bone with one block for each column of blocks.</summary>
[Bone(BlockSize = nameof(block), Form = BoneForm.Column)]
public sealed partial class BoneColumn(LlamaSizes sizes, int block) : FullTuning(sizes);

/// <summary>Bone without touching W, <c>y = x Wᵀ + S(x) M</c>.</summary>
[Bone(BlockSize = nameof(block), Form = BoneForm.Free)]
public sealed partial class BoneFree(LlamaSizes sizes, int block) : FullTuning(sizes);

/// <summary>LoRA, the baseline, with the usual scale of 2.</summary>
[Lora(Rank = nameof(rank), Alpha = "2 * rank")]
public sealed partial class LoraTuning(LlamaSizes sizes, int rank) : FullTuning(sizes);
