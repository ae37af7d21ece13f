using Marrow.Models;

namespace Marrow.Examples.Chat;

// LLaMA of a checkpoint's sizes, with every adapter that PEFT's format holds.

/// <summary>Without adapter.</summary>
[Model]
public partial class LlamaBase(LlamaSizes sizes) : Llama(
    sizes.Vocabulary, sizes.Hidden, sizes.Intermediate, sizes.Layers, sizes.Heads, sizes.KeyValueHeads,
    sizes.Context, sizes.NormEps, sizes.RopeTheta, sizes.Tied);

/// <summary>LoRA.</summary>
[Lora(Rank = nameof(rank), Alpha = nameof(alpha))]
public sealed partial class LlamaLora(LlamaSizes sizes, int rank, double alpha) : LlamaBase(sizes);

/// <summary>LoRA on queries and values alone, PEFT's default for LLaMA.</summary>
[Lora(Rank = nameof(rank), Alpha = nameof(alpha), Targets = "*.q_proj|*.v_proj")]
public sealed partial class LlamaAttentionLora(LlamaSizes sizes, int rank, double alpha) : LlamaBase(sizes);

/// <summary>rsLoRA.</summary>
[Lora(Rank = nameof(rank), Alpha = nameof(alpha), RankStabilized = true)]
public sealed partial class LlamaStabilizedLora(LlamaSizes sizes, int rank, double alpha) : LlamaBase(sizes);

/// <summary>PiSSA.</summary>
[Lora(Rank = nameof(rank), Alpha = nameof(alpha), Init = LoraInit.Pissa)]
public sealed partial class LlamaPissa(LlamaSizes sizes, int rank, double alpha) : LlamaBase(sizes);

/// <summary>OLoRA.</summary>
[Lora(Rank = nameof(rank), Alpha = nameof(alpha), Init = LoraInit.Olora)]
public sealed partial class LlamaOlora(LlamaSizes sizes, int rank, double alpha) : LlamaBase(sizes);

/// <summary>DoRA.</summary>
[Dora(Rank = nameof(rank), Alpha = nameof(alpha))]
public sealed partial class LlamaDora(LlamaSizes sizes, int rank, double alpha) : LlamaBase(sizes);

/// <summary>Bone row.</summary>
[Bone(BlockSize = nameof(block))]
public sealed partial class LlamaBoneRow(LlamaSizes sizes, int block) : LlamaBase(sizes);

/// <summary>Bone column.</summary>
[Bone(BlockSize = nameof(block), Form = BoneForm.Column)]
public sealed partial class LlamaBoneColumn(LlamaSizes sizes, int block) : LlamaBase(sizes);

/// <summary>Bone free.</summary>
[Bone(BlockSize = nameof(block), Form = BoneForm.Free)]
public sealed partial class LlamaBoneFree(LlamaSizes sizes, int block) : LlamaBase(sizes);

/// <summary>Bone mini.</summary>
[Bone(BlockSize = nameof(block), Form = BoneForm.Mini, MiniRank = nameof(mini))]
public sealed partial class LlamaBoneMini(LlamaSizes sizes, int block, int mini) : LlamaBase(sizes);
