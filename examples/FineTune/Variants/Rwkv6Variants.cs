using Marrow.Models;

namespace Marrow.Examples.FineTune;

// The same experiment on RWKV-6.

/// <summary>No adapter: every weight trains.</summary>
[Model]
public partial class Rwkv6Full(Rwkv6Sizes sizes) : Rwkv6(
    sizes.Vocabulary, sizes.Width, sizes.Inner, sizes.Layers, sizes.HeadSize, sizes.MixRank, sizes.DecayRank);

/// <summary>Bone with one block for each row of blocks, <c>W′ = W (I + B) + B</c>.</summary>
[Bone(BlockSize = nameof(block))]
public sealed partial class Rwkv6BoneRow(Rwkv6Sizes sizes, int block) : Rwkv6Full(sizes);

/// <summary>Bone with one block for each column of blocks.</summary>
[Bone(BlockSize = nameof(block), Form = BoneForm.Column)]
public sealed partial class Rwkv6BoneColumn(Rwkv6Sizes sizes, int block) : Rwkv6Full(sizes);

/// <summary>Bone without touching W, <c>y = x Wᵀ + S(x) M</c>.</summary>
[Bone(BlockSize = nameof(block), Form = BoneForm.Free)]
public sealed partial class Rwkv6BoneFree(Rwkv6Sizes sizes, int block) : Rwkv6Full(sizes);

/// <summary>LoRA.</summary>
[Lora(Rank = nameof(rank))]
public sealed partial class Rwkv6Lora(Rwkv6Sizes sizes, int rank) : Rwkv6Full(sizes);

/// <summary>LoRA+: B learns sixteen times as fast as A.</summary>
[Lora(Rank = nameof(rank), LearningRateRatio = 16)]
public sealed partial class Rwkv6LoraPlus(Rwkv6Sizes sizes, int rank) : Rwkv6Full(sizes);

/// <summary>PiSSA: LoRA from the leading singular triples of W.</summary>
[Lora(Rank = nameof(rank), Init = LoraInit.Pissa)]
public sealed partial class Rwkv6Pissa(Rwkv6Sizes sizes, int rank) : Rwkv6Full(sizes);

/// <summary>OLoRA: LoRA from the QR factors of W.</summary>
[Lora(Rank = nameof(rank), Init = LoraInit.Olora)]
public sealed partial class Rwkv6Olora(Rwkv6Sizes sizes, int rank) : Rwkv6Full(sizes);

/// <summary>LoRA-GA: LoRA along the gradient of the loss.</summary>
[Lora(Rank = nameof(rank), Init = LoraInit.LoraGa)]
public sealed partial class Rwkv6LoraGa(Rwkv6Sizes sizes, int rank) : Rwkv6Full(sizes);

/// <summary>DoRA: LoRA with trained row lengths.</summary>
[Dora(Rank = nameof(rank))]
public sealed partial class Rwkv6Dora(Rwkv6Sizes sizes, int rank) : Rwkv6Full(sizes);
