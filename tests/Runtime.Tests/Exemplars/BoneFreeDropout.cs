using Marrow.Adapters;
using Marrow.Autograd;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Marrow.Tests.Exemplars;

/// <summary>y = x Wᵀ + S(D x) M + b,    D a dropout mask / (1 − p) in training</summary>
internal sealed class BoneFreeDropout : AdaptedLinear
{
    private readonly long blockSize;
    private readonly double dropout;

    public BoneFreeDropout(LinearSite site, long blockSize, double dropout)
        : base(site)
    {
        (this.blockSize, this.dropout) = (blockSize, dropout);
        Settings = new BoneSettings(BoneForm.Free, blockSize, Dropout: dropout);
        AddAdapter("miss_block", blockSize, OutFeatures);
    }

    public override AdapterSettings Settings { get; }

    private Tensor Block => GetParameter("miss_block"); // M [r, out]

    public override Tensor AdaptedWeight()
    {
        // W′[o,j] = W[o,j] + M[j mod r, o]
        return Weight + Block.t().repeat(1, (InFeatures + blockSize - 1) / blockSize).narrow(1, 0, InFeatures);
    }

    protected override Tensor Forward(Saved saved, Tensor x)
    {
        var mask = training ? DropoutMask.Draw(x, dropout) : null; // D [n, in]
        var sum = Shards.Sum(DropoutMask.Apply(x, mask, dropout), blockSize); // S(D x) [n, r]
        saved.Keep(sum, mask);
        return linear(x, Weight, Bias).addmm_(sum, Block); // [n, out]
    }

    protected override Gradients Backward(Saved saved, Tensor dy)
    {
        // dM = S(D x)ᵀ dy
        var dBlock = saved[0].t().mm(dy);
        if (!saved.NeedsInput)
        {
            return new(null, dBlock);
        }

        // dx = dy W + D tile(dy Mᵀ)
        var dx = dy.mm(Weight);
        Shards.AddTiled(dx, dy.mm(Block.t()), saved.Optional(1), dropout);
        return new(dx, dBlock);
    }
}
