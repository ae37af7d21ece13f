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
