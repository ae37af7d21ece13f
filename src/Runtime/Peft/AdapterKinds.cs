using static TorchSharp.torch;

namespace Marrow.Peft;

/// <summary>
/// A linear layer with each adapter, all of whose options are known only at run time. Nobody makes the model: it is
/// there for the layer classes that the generator emits for it, which <see cref="AdapterLayers"/> makes.
/// </summary>
[Model]
internal partial class AdapterKinds(
    long inFeatures, long outFeatures, long rank, double alpha, long block, long columns)
{
    [Lora(Rank = nameof(rank), Alpha = nameof(alpha)), Linear(nameof(inFeatures), nameof(outFeatures))]
    public partial Linear Lora { get; }

    [Dora(Rank = nameof(rank), Alpha = nameof(alpha)), Linear(nameof(inFeatures), nameof(outFeatures))]
    public partial Linear Dora { get; }

    [Bone(Form = BoneForm.Row, BlockSize = nameof(block)), Linear(nameof(inFeatures), nameof(outFeatures))]
    public partial Linear BoneRow { get; }

    [Bone(Form = BoneForm.Column, BlockSize = nameof(block)), Linear(nameof(inFeatures), nameof(outFeatures))]
    public partial Linear BoneColumn { get; }

    [Bone(Form = BoneForm.Free, BlockSize = nameof(block)), Linear(nameof(inFeatures), nameof(outFeatures))]
    public partial Linear BoneFree { get; }

    [Bone(Form = BoneForm.Mini, BlockSize = nameof(block), MiniRank = nameof(columns))]
    [Linear(nameof(inFeatures), nameof(outFeatures))]
    public partial Linear BoneMini { get; }

    [Forward]
    private Tensor Network(Tensor x) => x;
}

/// <summary>
/// The adapters that can have dropout, with it. Layers without are other classes, so that they compute bit for bit what
/// a class without the option would.
/// </summary>
[Model]
internal partial class DropoutAdapterKinds(
    long inFeatures, long outFeatures, long rank, double alpha, long block, long columns, double dropout)
{
    [Lora(Rank = nameof(rank), Alpha = nameof(alpha), Dropout = nameof(dropout))]
    [Linear(nameof(inFeatures), nameof(outFeatures))]
    public partial Linear Lora { get; }

    [Dora(Rank = nameof(rank), Alpha = nameof(alpha), Dropout = nameof(dropout))]
    [Linear(nameof(inFeatures), nameof(outFeatures))]
    public partial Linear Dora { get; }

    [Bone(Form = BoneForm.Free, BlockSize = nameof(block), Dropout = nameof(dropout))]
    [Linear(nameof(inFeatures), nameof(outFeatures))]
    public partial Linear BoneFree { get; }

    [Bone(Form = BoneForm.Mini, BlockSize = nameof(block), MiniRank = nameof(columns), Dropout = nameof(dropout))]
    [Linear(nameof(inFeatures), nameof(outFeatures))]
    public partial Linear BoneMini { get; }

    [Forward]
    private Tensor Network(Tensor x) => x;
}
