namespace Marrow.Tests.Adapters;

// One linear layer with each adapter: what the tests run is the emitted code, with sizes as constants and at run time.

[Model]
public partial class OneLinear(int inFeatures, int outFeatures, bool bias)
{
    [Linear(nameof(inFeatures), nameof(outFeatures), Bias = nameof(bias)), Name("blocks.0.proj")]
    public partial Linear Layer { get; }

    [Forward]
    private TorchSharp.torch.Tensor Network(TorchSharp.torch.Tensor x) => Layer.call(x);
}

[Bone(BlockSize = nameof(r))]
public partial class Row(int inFeatures, int outFeatures, bool bias, int r) : OneLinear(inFeatures, outFeatures, bias);

[Bone(BlockSize = 4)]
public partial class Row12To8() : OneLinear(12, 8, true);

[Bone(BlockSize = nameof(r), Form = BoneForm.Column)]
public partial class Column(int inFeatures, int outFeatures, bool bias, int r)
    : OneLinear(inFeatures, outFeatures, bias);

[Bone(BlockSize = 4, Form = BoneForm.Column)]
public partial class Column12To8() : OneLinear(12, 8, true);

[Bone(BlockSize = nameof(r), Form = BoneForm.Free)]
public partial class Free(int inFeatures, int outFeatures, bool bias, int r) : OneLinear(inFeatures, outFeatures, bias);

[Bone(BlockSize = 4, Form = BoneForm.Free)]
public partial class Free12To7() : OneLinear(12, 7, true);

[Bone(BlockSize = 4, Form = BoneForm.Free)]
public partial class Free10To7() : OneLinear(10, 7, false);

[Bone(BlockSize = 4, Form = BoneForm.Free, Dropout = 0.5)]
public partial class FreeDropout(int inFeatures, int outFeatures, bool bias) : OneLinear(inFeatures, outFeatures, bias);

[Bone(BlockSize = nameof(r), Form = BoneForm.Mini, MiniRank = nameof(miniRank))]
public partial class Mini(int inFeatures, int outFeatures, bool bias, int r, int miniRank)
    : OneLinear(inFeatures, outFeatures, bias);

[Bone(BlockSize = 4, Form = BoneForm.Mini, MiniRank = 2)]
public partial class Mini12To8() : OneLinear(12, 8, true);

[Bone(BlockSize = 4, Form = BoneForm.Mini, MiniRank = 3, Dropout = 0.5)]
public partial class MiniDropout10To6() : OneLinear(10, 6, false);

[Lora(Rank = nameof(r), Alpha = nameof(alpha))]
public partial class Lora(int inFeatures, int outFeatures, bool bias, int r, double alpha)
    : OneLinear(inFeatures, outFeatures, bias);

[Lora(Rank = nameof(r), Alpha = nameof(alpha), RankStabilized = true)]
public partial class LoraStabilized(int inFeatures, int outFeatures, bool bias, int r, double alpha)
    : OneLinear(inFeatures, outFeatures, bias);

[Lora(Rank = 3)]
public partial class Lora12To8() : OneLinear(12, 8, true);

[Lora(Rank = 3, Alpha = 6, RankStabilized = true)]
public partial class LoraStabilized5To8() : OneLinear(5, 8, false);

[Lora(Rank = 3, Alpha = 6, Dropout = 0.5)]
public partial class LoraDropout12To8() : OneLinear(12, 8, true);

[Lora(Rank = nameof(r), Alpha = nameof(alpha), Init = LoraInit.Pissa)]
public partial class Pissa(int inFeatures, int outFeatures, bool bias, int r, double alpha)
    : OneLinear(inFeatures, outFeatures, bias);

[Lora(Rank = 3, Alpha = 6, RankStabilized = true, Init = LoraInit.Pissa, Iterations = 4)]
public partial class PissaFast20To16() : OneLinear(20, 16, true);

[Lora(Rank = 3, Alpha = 6, Init = LoraInit.Olora)]
public partial class Olora12To8() : OneLinear(12, 8, true);

[Lora(Rank = 3, Alpha = 6, Init = LoraInit.LoraGa, LearningRateRatio = 4)]
public partial class LoraGa12To8() : OneLinear(12, 8, true);

[Dora(Rank = nameof(r), Alpha = nameof(alpha))]
public partial class Dora(int inFeatures, int outFeatures, bool bias, int r, double alpha)
    : OneLinear(inFeatures, outFeatures, bias);

[Dora(Rank = 3)]
public partial class Dora12To8() : OneLinear(12, 8, false);

[Dora(Rank = 3, Alpha = 6, Dropout = 0.5, LearningRateRatio = 8)]
public partial class DoraDropout12To8() : OneLinear(12, 8, true);

[Dora(Rank = 3, Init = LoraInit.Pissa)]
public partial class DoraPissa12To8() : OneLinear(12, 8, true);
