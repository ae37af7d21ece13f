namespace Marrow.Tests.Quantization;

// One linear layer with an adapter and a quantizer, in both scopes, with sizes as constants and at run time.

[Model]
public partial class OneAdapted(int inFeatures, int outFeatures, bool bias)
{
    [Linear(nameof(inFeatures), nameof(outFeatures), Bias = nameof(bias))]
    public partial Linear Layer { get; }

    [Forward]
    private TorchSharp.torch.Tensor Network(TorchSharp.torch.Tensor x) => Layer.call(x);
}

[Bone(BlockSize = 4), Quantize(Bits = 3)]
public sealed partial class MergedRow() : OneAdapted(12, 8, true);

[Bone(BlockSize = nameof(r), Form = BoneForm.Column), Quantize(Bits = nameof(bits))]
public sealed partial class MergedColumn(int r, int bits) : OneAdapted(12, 8, false);

[Bone(BlockSize = 5, Form = BoneForm.Free), Quantize(Bits = 2)]
public sealed partial class MergedFree() : OneAdapted(12, 8, true);

[Bone(BlockSize = 4, Form = BoneForm.Mini, MiniRank = 2), Quantize(Bits = 4)]
public sealed partial class MergedMini() : OneAdapted(12, 8, true);

[Lora(Rank = 3, Alpha = 6), Quantize(Bits = 8)]
public sealed partial class MergedLora() : OneAdapted(12, 8, true);

[Lora(Rank = 3), Quantize(Bits = 2, Oscillation = Oscillation.Freeze)]
public sealed partial class FreezingLora() : OneAdapted(12, 8, true);

[Bone(BlockSize = 4), Quantize(Bits = 2, Oscillation = Oscillation.Cga, BoundaryRange = 0.1)]
public sealed partial class AnnealedRow() : OneAdapted(12, 8, true);

[Bone(BlockSize = 4), Quantize(Bits = 4, Scope = QuantizeScope.FrozenBase)]
public sealed partial class PackedRow() : OneAdapted(12, 8, true);

[Bone(BlockSize = nameof(r), Form = BoneForm.Column), Quantize(Bits = nameof(bits), Scope = QuantizeScope.FrozenBase)]
public sealed partial class PackedColumn(int r, int bits) : OneAdapted(12, 8, false);

[Bone(BlockSize = 5, Form = BoneForm.Free, Dropout = 0.2), Quantize(Bits = 2, Scope = QuantizeScope.FrozenBase)]
public sealed partial class PackedFree() : OneAdapted(12, 8, true);

[Bone(BlockSize = 4, Form = BoneForm.Mini, MiniRank = 2), Quantize(Bits = 3, Scope = QuantizeScope.FrozenBase)]
public sealed partial class PackedMini() : OneAdapted(12, 8, true);

[Lora(Rank = 3, Alpha = 6), Quantize(Bits = 8, Scope = QuantizeScope.FrozenBase)]
public sealed partial class PackedLora() : OneAdapted(12, 8, true);

[Dora(Rank = 3, Alpha = 6), Quantize(Bits = 4)]
public sealed partial class MergedDora() : OneAdapted(12, 8, true);

[Dora(Rank = 3, Alpha = 6), Quantize(Bits = 4, Scope = QuantizeScope.FrozenBase)]
public sealed partial class PackedDora() : OneAdapted(12, 8, true);

[Lora(Rank = 3, Init = LoraInit.Pissa), Quantize(Bits = 4, Scope = QuantizeScope.FrozenBase)]
public sealed partial class PackedPissa() : OneAdapted(12, 8, true);

[Quantize(Bits = 2, Scope = QuantizeScope.FrozenBase)]
public sealed partial class PackedOnly() : OneAdapted(12, 8, true);

[Lora(Rank = 4), Quantize(Bits = 4, Scope = QuantizeScope.FrozenBase)]
public sealed partial class PackedLarge() : OneAdapted(1024, 512, true);
