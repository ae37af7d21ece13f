namespace Marrow.Tests.Llama;

// A LLaMA small enough to run everything on, with grouped key and value heads; the second head width does not
// divide by the free form's block, so that padding is met in a whole model.

[Model]
public partial class SmallLlama(bool tied = false)
    : Marrow.Models.Llama(
        vocabulary: 61, hidden: 48, intermediate: 96, layers: 2, heads: 4, keyValueHeads: 2, context: 32, tied: tied);

[Bone(BlockSize = 8)]
public sealed partial class SmallLlamaBoneRow() : SmallLlama();

[Bone(BlockSize = 8, Form = BoneForm.Column, Targets = "*.q_proj|*.v_proj|*.mlp.*")]
public sealed partial class SmallLlamaBoneColumn() : SmallLlama();

[Bone(BlockSize = 20, Form = BoneForm.Free, Dropout = 0.1)]
public sealed partial class SmallLlamaBoneFree() : SmallLlama();

[Bone(BlockSize = 16, Form = BoneForm.Mini, MiniRank = 8)]
public sealed partial class SmallLlamaBoneMini() : SmallLlama();

[Lora(Rank = 4, Alpha = 8, Dropout = 0.05)]
public sealed partial class SmallLlamaLora() : SmallLlama();

[Lora(Rank = 4, RankStabilized = true, Targets = "*layers.1.*")]
public sealed partial class SmallLlamaLastLayerLora() : SmallLlama(tied: true);
