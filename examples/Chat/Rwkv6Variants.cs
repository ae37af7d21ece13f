using Marrow.Models;

namespace Marrow.Examples.Chat;

// RWKV-6 of a checkpoint's sizes, with every adapter that PEFT's format holds.

/// <summary>Without adapter.</summary>
[Model]
public partial class Rwkv6Base(Rwkv6Sizes sizes) : Rwkv6(
    sizes.Vocabulary, sizes.Width, sizes.Inner, sizes.Layers, sizes.HeadSize, sizes.MixRank, sizes.DecayRank);

/// <summary>LoRA.</summary>
[Lora(Rank = nameof(rank), Alpha = nameof(alpha))]
public sealed partial class Rwkv6Lora(Rwkv6Sizes sizes, int rank, double alpha) : Rwkv6Base(sizes);

/// <summary>rsLoRA.</summary>
[Lora(Rank = nameof(rank), Alpha = nameof(alpha), RankStabilized = true)]
public sealed partial class Rwkv6StabilizedLora(Rwkv6Sizes sizes, int rank, double alpha) : Rwkv6Base(sizes);

/// <summary>PiSSA.</summary>
[Lora(Rank = nameof(rank), Alpha = nameof(alpha), Init = LoraInit.Pissa)]
public sealed partial class Rwkv6Pissa(Rwkv6Sizes sizes, int rank, double alpha) : Rwkv6Base(sizes);

/// <summary>OLoRA.</summary>
[Lora(Rank = nameof(rank), Alpha = nameof(alpha), Init = LoraInit.Olora)]
public sealed partial class Rwkv6Olora(Rwkv6Sizes sizes, int rank, double alpha) : Rwkv6Base(sizes);

/// <summary>DoRA.</summary>
[Dora(Rank = nameof(rank), Alpha = nameof(alpha))]
public sealed partial class Rwkv6Dora(Rwkv6Sizes sizes, int rank, double alpha) : Rwkv6Base(sizes);

/// <summary>Bone row.</summary>
[Bone(BlockSize = nameof(block))]
public sealed partial class Rwkv6BoneRow(Rwkv6Sizes sizes, int block) : Rwkv6Base(sizes);

/// <summary>Bone column.</summary>
[Bone(BlockSize = nameof(block), Form = BoneForm.Column)]
public sealed partial class Rwkv6BoneColumn(Rwkv6Sizes sizes, int block) : Rwkv6Base(sizes);

/// <summary>Bone free.</summary>
[Bone(BlockSize = nameof(block), Form = BoneForm.Free)]
public sealed partial class Rwkv6BoneFree(Rwkv6Sizes sizes, int block) : Rwkv6Base(sizes);

/// <summary>Bone mini.</summary>
[Bone(BlockSize = nameof(block), Form = BoneForm.Mini, MiniRank = nameof(mini))]
public sealed partial class Rwkv6BoneMini(Rwkv6Sizes sizes, int block, int mini) : Rwkv6Base(sizes);
