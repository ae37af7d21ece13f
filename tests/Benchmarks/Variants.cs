using static TorchSharp.torch;

namespace Marrow.Benchmarks;

// One linear layer with each adapter at the sizes of the benchmarks; what is timed is the emitted code.

[Model]
internal partial class OneLinear(int features)
{
    [Linear(nameof(features), nameof(features), Bias = false)]
    public partial Linear Layer { get; }

    [Forward]
    private Tensor Network(Tensor x) => Layer.call(x);
}

[Bone(BlockSize = 64)]
internal sealed partial class BoneRow1024() : OneLinear(1024);

[Bone(BlockSize = 64)]
internal sealed partial class BoneRow2048() : OneLinear(2048);

[Bone(BlockSize = 64, Form = BoneForm.Column)]
internal sealed partial class BoneColumn1024() : OneLinear(1024);

[Bone(BlockSize = 64, Form = BoneForm.Column)]
internal sealed partial class BoneColumn2048() : OneLinear(2048);

[Bone(BlockSize = 64, Form = BoneForm.Free)]
internal sealed partial class BoneFree1024() : OneLinear(1024);

[Bone(BlockSize = 64, Form = BoneForm.Free)]
internal sealed partial class BoneFree2048() : OneLinear(2048);

[Lora(Rank = 36)]
internal sealed partial class Lora1024() : OneLinear(1024);

[Lora(Rank = 36)]
internal sealed partial class Lora2048() : OneLinear(2048);

// Quantized layers over 197 tokens, and a whole model.

[Model]
internal partial class OneTokenLayer(int inFeatures, int outFeatures, int tokens)
{
    [Linear(nameof(inFeatures), nameof(outFeatures), Tokens = nameof(tokens))]
    public partial Linear Layer { get; }

    [Forward]
    private Tensor Network(Tensor x) => Layer.call(x);
}

[Quantize(Bits = 2, Activations = 2)]
internal sealed partial class W2A2Layer192() : OneTokenLayer(192, 768, 197);

[Quantize(Bits = 2, Activations = 2)]
internal sealed partial class W2A2Layer384() : OneTokenLayer(384, 1536, 197);

[Quantize(Bits = 2, Activations = 2, Bfloat16Backward = true)]
internal sealed partial class Bfloat16Layer192() : OneTokenLayer(192, 768, 197);

[Quantize(Bits = 2, Activations = 2, Bfloat16Backward = true)]
internal sealed partial class Bfloat16Layer384() : OneTokenLayer(384, 1536, 197);

[Quantize(Bits = 2, Activations = 8)]
internal sealed partial class W2A8Layer4096() : OneTokenLayer(4096, 4096, 1);

[Quantize(Bits = 2, Activations = 2), Qkr]
internal sealed partial class W2A2DeiT()
    : Models.DeiT(image: 224, patch: 16, dim: 192, depth: 12, heads: 3, classes: 1000);

[Quantize(Bits = 2, Activations = 2, Bfloat16Backward = true), Qkr]
internal sealed partial class Bfloat16DeiT()
    : Models.DeiT(image: 224, patch: 16, dim: 192, depth: 12, heads: 3, classes: 1000);
