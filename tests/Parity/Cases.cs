using static TorchSharp.torch;

namespace Marrow.Parity;

// One linear layer with an adapter whose sizes come from the reference file: what is compared is the emitted code.

[Model]
public partial class OneLinear(int inFeatures, int outFeatures, bool bias)
{
    [Linear(nameof(inFeatures), nameof(outFeatures), Bias = nameof(bias))]
    public partial Linear Layer { get; }

    [Forward]
    private Tensor Network(Tensor x) => Layer.call(x);
}

[Bone(BlockSize = nameof(r))]
public sealed partial class BoneRowCase(int inFeatures, int outFeatures, bool bias, int r)
    : OneLinear(inFeatures, outFeatures, bias);

[Bone(BlockSize = nameof(r), Form = BoneForm.Column)]
public sealed partial class BoneColumnCase(int inFeatures, int outFeatures, bool bias, int r)
    : OneLinear(inFeatures, outFeatures, bias);

[Bone(BlockSize = nameof(r), Form = BoneForm.Free)]
public sealed partial class BoneFreeCase(int inFeatures, int outFeatures, bool bias, int r)
    : OneLinear(inFeatures, outFeatures, bias);

[Bone(BlockSize = nameof(r), Form = BoneForm.Mini, MiniRank = nameof(miniRank))]
public sealed partial class BoneMiniCase(int inFeatures, int outFeatures, bool bias, int r, int miniRank)
    : OneLinear(inFeatures, outFeatures, bias);

[Lora(Rank = nameof(r), Alpha = nameof(alpha))]
public sealed partial class LoraCase(int inFeatures, int outFeatures, bool bias, int r, double alpha)
    : OneLinear(inFeatures, outFeatures, bias);

[Lora(Rank = nameof(r), Alpha = nameof(alpha), RankStabilized = true)]
public sealed partial class RankStabilizedLoraCase(int inFeatures, int outFeatures, bool bias, int r, double alpha)
    : OneLinear(inFeatures, outFeatures, bias);
