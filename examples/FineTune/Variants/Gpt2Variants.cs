using Marrow.Models;

namespace Marrow.Examples.FineTune;

// The same experiment on GPT-2.

/// <summary>No adapter: every weight trains.</summary>
[Model]
public partial class Gpt2Full(Gpt2Sizes sizes) : Gpt2(sizes);

/// <summary>Bone with one block for each row of blocks, <c>W′ = W (I + B) + B</c>.</summary>
[Bone(BlockSize = nameof(block))]
public sealed partial class Gpt2BoneRow(Gpt2Sizes sizes, int block) : Gpt2Full(sizes);

/// <summary>Bone with one block for each column of blocks.</summary>
[Bone(BlockSize = nameof(block), Form = BoneForm.Column)]
public sealed partial class Gpt2BoneColumn(Gpt2Sizes sizes, int block) : Gpt2Full(sizes);

/// <summary>Bone without touching W, <c>y = x Wᵀ + S(x) M</c>.</summary>
[Bone(BlockSize = nameof(block), Form = BoneForm.Free)]
public sealed partial class Gpt2BoneFree(Gpt2Sizes sizes, int block) : Gpt2Full(sizes);

/// <summary>LoRA.</summary>
[Lora(Rank = nameof(rank))]
public sealed partial class Gpt2Lora(Gpt2Sizes sizes, int rank) : Gpt2Full(sizes);

/// <summary>LoRA+: B learns sixteen times as fast as A.</summary>
[Lora(Rank = nameof(rank), LearningRateRatio = 16)]
public sealed partial class Gpt2LoraPlus(Gpt2Sizes sizes, int rank) : Gpt2Full(sizes);

/// <summary>PiSSA: LoRA from the leading singular triples of W.</summary>
[Lora(Rank = nameof(rank), Init = LoraInit.Pissa)]
public sealed partial class Gpt2Pissa(Gpt2Sizes sizes, int rank) : Gpt2Full(sizes);

/// <summary>OLoRA: LoRA from the QR factors of W.</summary>
[Lora(Rank = nameof(rank), Init = LoraInit.Olora)]
public sealed partial class Gpt2Olora(Gpt2Sizes sizes, int rank) : Gpt2Full(sizes);

/// <summary>LoRA-GA: LoRA along the gradient of the loss.</summary>
[Lora(Rank = nameof(rank), Init = LoraInit.LoraGa)]
public sealed partial class Gpt2LoraGa(Gpt2Sizes sizes, int rank) : Gpt2Full(sizes);

/// <summary>DoRA: LoRA with trained row lengths.</summary>
[Dora(Rank = nameof(rank))]
public sealed partial class Gpt2Dora(Gpt2Sizes sizes, int rank) : Gpt2Full(sizes);
