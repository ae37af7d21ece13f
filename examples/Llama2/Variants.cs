using Marrow.Models;

namespace Marrow.Examples.Llama2;

/// <summary>LLaMA2-7B with Bone in its free form on all seven projections.</summary>
[Bone(BlockSize = 64, Form = BoneForm.Free)]
public sealed partial class Llama2BoneFree()
    : Llama(vocabulary: 32000, hidden: 4096, intermediate: 11008, layers: 32, heads: 32, keyValueHeads: 32);

/// <summary>LLaMA2-7B with Bone in its row form.</summary>
[Bone(BlockSize = 64, Targets = "*_proj")]
public sealed partial class Llama2BoneRow()
    : Llama(vocabulary: 32000, hidden: 4096, intermediate: 11008, layers: 32, heads: 32, keyValueHeads: 32);

/// <summary>LLaMA2-7B with LoRA at about the same number of trainable parameters.</summary>
[Lora(Rank = 36)]
public sealed partial class Llama2Lora() : Llama(32000, 4096, 11008, 32, 32, 32);
