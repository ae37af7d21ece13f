using Marrow.Adapters;
using Marrow.Autograd;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Marrow.Tests.Exemplars;

/// <summary>y = x W′ᵀ + b,    W′[o,i] = W[o,i] (I + B[o]) + B[o]</summary>
internal sealed class BoneRow : AdaptedLinear
{
    private readonly long blockSize;

    public BoneRow(LinearSite site, long blockSize)
        : base(site)
    {
        this.blockSize = blockSize;
        Settings = new BoneSettings(BoneForm.Row, blockSize);
        AddAdapter("bone_block", OutFeatures / blockSize, blockSize, blockSize);
    }

    public override AdapterSettings Settings { get; }

    private Tensor Block => GetParameter("bone_block"); // B [out/r, r, r]

    public override Tensor AdaptedWeight()
    {
        var blocks = Weight.view(OutFeatures / blockSize, blockSize, InFeatures / blockSize, blockSize).transpose(1, 2); // W[o,i]
        var b = Block.unsqueeze(1);
        return (blocks + blocks.matmul(b) + b).transpose(1, 2).reshape(OutFeatures, InFeatures);
    }

    protected override Tensor Forward(Saved saved, Tensor x)
    {
        saved.Keep(x);
        using var adapted = BlockAffine.Adapt(Weight, Block); // W′ [out, in]
        return linear(x, adapted, Bias); // y [n, out]
    }

    protected override Gradients Backward(Saved saved, Tensor dy)
    {
        // dB[o] = Σ_i W[o,i]ᵀ G[o,i] + G[o,i],    G = dyᵀ x
        var dBlock = BlockAffine.BlockGradient(Weight, Block, dy, saved[0]);
        if (!saved.NeedsInput)
        {
            return new(null, dBlock);
        }

        // dx = dy W′
        using var adapted = BlockAffine.Adapt(Weight, Block);
        return new(dy.mm(adapted), dBlock);
    }
}
