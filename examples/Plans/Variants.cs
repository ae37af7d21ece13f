using Marrow.Models;

namespace Marrow.Examples.Plans;

/// <summary>LLaMA2-7B; every weight trains.</summary>
[Model]
public partial class Llama2Full()
    : Llama(vocabulary: 32000, hidden: 4096, intermediate: 11008, layers: 32, heads: 32, keyValueHeads: 32);

/// <summary>LoRA on all seven projections; LoRA+, OLoRA and LoRA-GA have the same sizes.</summary>
[Lora(Rank = 36)]
public sealed partial class Llama2Lora() : Llama2Full;

/// <summary>PiSSA by the fast decomposition.</summary>
[Lora(Rank = 36, Init = LoraInit.Pissa, Iterations = 16)]
public sealed partial class Llama2Pissa() : Llama2Full;

/// <summary>DoRA.</summary>
[Dora(Rank = 36)]
public sealed partial class Llama2Dora() : Llama2Full;

/// <summary>Bone in its row form.</summary>
[Bone(BlockSize = 64, Targets = "*_proj")]
public sealed partial class Llama2BoneRow() : Llama2Full;

/// <summary>Bone in its column form.</summary>
[Bone(BlockSize = 64, Form = BoneForm.Column)]
public sealed partial class Llama2BoneColumn() : Llama2Full;

/// <summary>Bone in its free form on all seven projections.</summary>
[Bone(BlockSize = 64, Form = BoneForm.Free)]
public sealed partial class Llama2BoneFree() : Llama2Full;

/// <summary>The same over a base packed in four bits.</summary>
[Quantize(Bits = 4, Scope = QuantizeScope.FrozenBase), Bone(BlockSize = 64, Form = BoneForm.Free)]
public sealed partial class Llama2QuantizedBoneFree() : Llama2Full;

/// <summary>RWKV6-3B; every weight trains.</summary>
[Model]
public partial class Rwkv6Full3B() : Rwkv6(vocabulary: 65536, width: 2560, inner: 8960, layers: 32);

/// <summary>LoRA on RWKV6-3B.</summary>
[Lora(Rank = 36)]
public sealed partial class Rwkv6Lora3B() : Rwkv6Full3B;

/// <summary>Bone on RWKV6-3B.</summary>
[Bone(BlockSize = 64, Form = BoneForm.Free)]
public sealed partial class Rwkv6BoneFree3B() : Rwkv6Full3B;

/// <summary>Bone on RWKV6-7B.</summary>
[Bone(BlockSize = 64, Form = BoneForm.Free)]
public sealed partial class Rwkv6BoneFree7B()
    : Rwkv6(vocabulary: 65536, width: 4096, inner: 14336, layers: 32, mixRank: 64, decayRank: 128);
