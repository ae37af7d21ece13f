using Marrow.Models;

namespace Marrow.Examples.FineTune;

// The whole experiment on a decoder (LLaMA, Mistral, Qwen, Gemma, Phi-3): one architecture, one line per method. The
// attribute decides what the generator emits for every projection (its fused forward and backward, where it starts,
// what is trainable, how it is saved); nothing else in this program differs. The sizes are those of the base at hand,
// so they are checked when a model is built; with constants in the base call the compiler would check them.

/// <summary>No adapter: every weight trains.</summary>
[Model]
public partial class DecoderFull(DecoderSizes sizes) : Decoder(sizes);

/// <summary>Bone with one block for each row of blocks, <c>W′ = W (I + B) + B</c>.</summary>
[Bone(BlockSize = nameof(block))]
public sealed partial class DecoderBoneRow(DecoderSizes sizes, int block) : DecoderFull(sizes);

/// <summary>Bone with one block for each column of blocks.</summary>
[Bone(BlockSize = nameof(block), Form = BoneForm.Column)]
public sealed partial class DecoderBoneColumn(DecoderSizes sizes, int block) : DecoderFull(sizes);

/// <summary>Bone without touching W, <c>y = x Wᵀ + S(x) M</c>.</summary>
[Bone(BlockSize = nameof(block), Form = BoneForm.Free)]
public sealed partial class DecoderBoneFree(DecoderSizes sizes, int block) : DecoderFull(sizes);

/// <summary>LoRA.</summary>
[Lora(Rank = nameof(rank))]
public sealed partial class DecoderLora(DecoderSizes sizes, int rank) : DecoderFull(sizes);

/// <summary>LoRA+: B learns sixteen times as fast as A.</summary>
[Lora(Rank = nameof(rank), LearningRateRatio = 16)]
public sealed partial class DecoderLoraPlus(DecoderSizes sizes, int rank) : DecoderFull(sizes);

/// <summary>PiSSA: LoRA from the leading singular triples of W.</summary>
[Lora(Rank = nameof(rank), Init = LoraInit.Pissa)]
public sealed partial class DecoderPissa(DecoderSizes sizes, int rank) : DecoderFull(sizes);

/// <summary>OLoRA: LoRA from the QR factors of W.</summary>
[Lora(Rank = nameof(rank), Init = LoraInit.Olora)]
public sealed partial class DecoderOlora(DecoderSizes sizes, int rank) : DecoderFull(sizes);

/// <summary>LoRA-GA: LoRA along the gradient of the loss.</summary>
[Lora(Rank = nameof(rank), Init = LoraInit.LoraGa)]
public sealed partial class DecoderLoraGa(DecoderSizes sizes, int rank) : DecoderFull(sizes);

/// <summary>DoRA: LoRA with trained row lengths.</summary>
[Dora(Rank = nameof(rank))]
public sealed partial class DecoderDora(DecoderSizes sizes, int rank) : DecoderFull(sizes);
